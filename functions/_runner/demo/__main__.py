"""Loads the demo interactions through the public API, once per database."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from functions._runner import clients
from functions._runner.settings import CHECKPOINTS_TABLE, Settings

INTERACTIONS = Path(__file__).with_name("interactions.jsonl")
_KEY: Any = {"pk": {"S": "demo"}}
_BATCH = 50
_REQUEST_SECONDS = 30.0


def begin(settings: Settings) -> float | None:
    """When the loading began, in Unix seconds; None where it is done.

    The mark lies in the database, so it is gone with the data and there with it. Loading that was
    cut off goes on with the same times, and so with the same requests.
    """
    database = clients.database(settings)
    mark = database.get_item(TableName=CHECKPOINTS_TABLE, Key=_KEY, ConsistentRead=True).get("Item")
    if mark is None:
        now = int(time.time())
        database.put_item(TableName=CHECKPOINTS_TABLE, Item=_KEY | {"begun": {"N": str(now)}})
        return now
    return None if "done" in mark else float(mark["begun"]["N"])


def finish(settings: Settings) -> None:
    clients.database(settings).update_item(
        TableName=CHECKPOINTS_TABLE,
        Key=_KEY,
        UpdateExpression="SET done = :yes",
        ExpressionAttributeValues={":yes": {"BOOL": True}},
    )


def batches(lines: list[str], now: float) -> Iterator[list[dict[str, Any]]]:
    """The interactions with the time at which they occurred, in requests' worth."""
    items = []
    for line in lines:
        item = json.loads(line)
        occurred = datetime.fromtimestamp(now, UTC) - timedelta(minutes=item.pop("minutes_ago"))
        items.append(item | {"occurred_at": occurred.isoformat()})
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]


def post(settings: Settings, token: str, number: int, items: list[dict[str, Any]]) -> None:
    """One batch; raises OSError where it is not taken whole."""
    request = urllib.request.Request(  # noqa: S310 loopback
        f"{settings.url}/v1/interactions/batch",
        json.dumps({"items": items}).encode(),
        {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"demo-{number}",
        },
    )
    with urllib.request.urlopen(request, timeout=_REQUEST_SECONDS) as answer:  # noqa: S310
        refused = [r for r in json.load(answer)["results"] if r["status"] != 201]
    if refused:
        raise OSError(f"refused: {refused}")


def main() -> None:
    settings = Settings.from_environment()
    now = begin(settings)
    if now is None:
        return
    lines = INTERACTIONS.read_text().splitlines()
    for number, items in enumerate(batches(lines, now)):
        post(settings, os.environ["CUSTOMERAI_TOKEN"], number, items)
    finish(settings)
    sys.stdout.write(f"loaded {len(lines)} interactions\n")


if __name__ == "__main__":
    main()
