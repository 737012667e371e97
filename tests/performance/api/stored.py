"""What lies in the database: tenants of several sizes, made once and kept in .build/bench, or a
few items."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from botocore.session import get_session

from functions._runner.platform import dynoxide_binary
from tests.performance.api.bench import Deployment
from tests.performance.api.canned import INTERACTIONS_TABLE
from tests.performance.api.figures import MeasurementError
from tests.performance.api.items import Item, interactions
from tests.performance.api.parts import dynoxide
from tests.performance.serving.environments import FOLDER

_BATCH = 25
"""Items that one BatchWriteItem takes."""


def put(url: str, table: str, items: Sequence[Item]) -> None:
    """Put items into a table of the database at this URL.

    Raises:
        MeasurementError: it leaves some of them.
    """
    client = _client(url)
    for place in range(0, len(items), _BATCH):
        requests = [{"PutRequest": {"Item": item}} for item in items[place : place + _BATCH]]
        if client.batch_write_item(RequestItems={table: requests})["UnprocessedItems"]:
            raise MeasurementError("the database does not take all items")


def tenant_of(size: int) -> str:
    """The tenant that has so many interactions."""
    return f"tenant-{size}"


def database(sizes: Sequence[int], deployment: Deployment, folder: Path = FOLDER) -> Path:
    """Return a dynoxide file with a tenant of each size; it is made where it is missing, or where
    the items or the tables are others by now.

    It is imported as an export of DynamoDB's to S3 would be, which is much faster than writing the
    items: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html

    Raises:
        MeasurementError: the database does not take the items.
    """
    sample = [list(sizes), list(interactions(3)), deployment.tables()]
    key = hashlib.sha256(json.dumps(sample, sort_keys=True).encode()).hexdigest()[:16]
    target = folder / f"interactions-{key}"
    file = target / "dynoxide.db"
    if target.is_dir():
        return file
    draft = target.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    data = draft / "export" / INTERACTIONS_TABLE / "data"
    data.mkdir(parents=True)
    schema = draft / "schema.json"
    schema.write_text(json.dumps(_schema(deployment, draft)), encoding="utf-8")
    with gzip.open(data / "items.json.gz", "wt", compresslevel=1) as lines:
        for size in sizes:
            for item in interactions(size, tenant_of(size)):
                lines.write(json.dumps({"Item": item}) + "\n")
    command = [str(dynoxide_binary()), "import", "--source", str(draft / "export")]
    command += ["--schema", str(schema), "--output", str(draft / file.name)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise MeasurementError(f"dynoxide can't import the items: {answer.stderr[-1_000:]}")
    shutil.rmtree(draft / "export")
    draft.rename(target)
    return file


def _schema(deployment: Deployment, folder: Path) -> list[dict[str, Any]]:
    """What DescribeTable says of the interactions table."""
    with dynoxide(folder / "empty.db", folder) as url:
        replace(deployment, database=url).create_tables()
        table = _client(url).describe_table(TableName=INTERACTIONS_TABLE)["Table"]
    return [{"Table": table | {"CreationDateTime": table["CreationDateTime"].timestamp()}}]


@cache
def _client(url: str) -> Any:
    return get_session().create_client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
    )
