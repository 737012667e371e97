"""Nothing that was acknowledged is lost and nothing counts twice, whatever is killed and when.

The real stack runs as a developer runs it. Clients post batches, each with an Idempotency-Key, and
repeat every request until it is acknowledged, while the stack's processes are killed with SIGKILL.
"""

from __future__ import annotations

import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.crash.stack import Stack

SEED = 20260117
CLIENTS = 4
BATCHES = 24  # of each client
BATCH = 20
TOTAL = CLIENTS * BATCHES * BATCH
# What is killed, by a part of its command line; None is the whole tree, supervisor and all.
VICTIMS = (
    *("_runner.worker", "_runner.worker", "_runner.worker", "_runner.gateway"),
    *("_runner.events", "dynoxide", "dynoxide", "ministack", "models.serving", None),
)
TEXTS = (
    "I love it, thank you!",
    "It broke after a day and nobody answers.",
    "It arrived on Tuesday.",
)

pytestmark = [
    pytest.mark.timeout(200),
    pytest.mark.skipif(sys.platform != "linux", reason="reads the processes from /proc"),
]


class Clients:
    """What was posted: the ids of every batch, by its key."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._lock = threading.Lock()
        self.acknowledged: dict[str, list[str]] = {}
        self.repeats = 0

    def post_all(self, client: int, until: Callable[[], bool]) -> None:
        for number in range(BATCHES):
            key = f"client-{client}-batch-{number}"
            ids = self._post(key, client, number, until)
            with self._lock:
                # The same key always answers with the same ids.
                assert self.acknowledged.setdefault(key, ids) == ids

    def _post(self, key: str, client: int, number: int, until: Callable[[], bool]) -> list[str]:
        items = [
            {
                "customer_id": f"c-{client}",
                "channel": "chat",
                "text": TEXTS[(number + place) % len(TEXTS)],
                "occurred_at": f"2026-01-{1 + number:02d}T12:00:{place:02d}Z",
            }
            for place in range(BATCH)
        ]
        while not until():
            try:
                response = self._stack.post("/v1/interactions/batch", key, {"items": items})
            except httpx.TransportError:
                response = None
            if response is not None and response.status_code == 207:
                results = response.json()["results"]
                if all(result["status"] == 201 for result in results):
                    return [result["id"] for result in results]
            elif response is not None:
                assert response.status_code >= 500, response.text
            with self._lock:
                self.repeats += 1
            time.sleep(0.05)
        pytest.fail("the client was stopped before its batch was acknowledged")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path, tenant="crash") as stack:
        yield stack


def test_everything_acknowledged_counts_exactly_once(stack: Stack) -> None:
    chance = random.Random(SEED)
    clients = Clients(stack)
    victims = list(VICTIMS)
    chance.shuffle(victims)
    stop = threading.Event()
    with ThreadPoolExecutor(CLIENTS) as threads:
        try:
            posting = [
                threads.submit(clients.post_all, number, stop.is_set) for number in range(CLIENTS)
            ]
            # The kills are spread over the work, not over time: however fast the machine is, all
            # of them fall among the requests.
            for turn, victim in enumerate(victims):
                threshold = (turn + 1) * CLIENTS * BATCHES // (len(victims) + 2)
                _wait(lambda: len(clients.acknowledged) >= threshold, posting)  # noqa: B023
                time.sleep(chance.random() * 0.1)
                if victim is None:
                    stack.kill_everything()
                    stack.start()
                else:
                    stack.kill(victim, chance)
            _finish(posting)
            # Once more with the same keys: every answer is the same, and nothing is stored again.
            _finish([threads.submit(clients.post_all, n, stop.is_set) for n in range(CLIENTS)])
        finally:
            stop.set()
    assert clients.repeats > 0, "no request was disturbed"
    ids = {each for batch in clients.acknowledged.values() for each in batch}
    assert len(ids) == TOTAL

    expected: dict[str, Any] = {"total": TOTAL, "pending": 0}
    summary = _settled(stack, expected)
    assert summary == expected
    listed = stack.list_all("/v1/interactions?limit=100")
    assert {item["id"] for item in listed} == ids
    assert len(listed) == TOTAL
    counted: dict[str, int] = {"negative": 0, "neutral": 0, "positive": 0, "pending": 0}
    for item in listed:
        counted[item["sentiment"]["label"]] += 1
    assert stack.summary()["sentiment"] == counted
    assert stack.summary()["total"] == TOTAL
    assert stack.stop(signal.SIGTERM) == 0


def _wait(condition: Callable[[], bool], posting: list[Future[None]]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "the clients make no progress"
        for each in posting:
            if each.done():
                each.result()
        time.sleep(0.01)


def _finish(posting: list[Future[None]]) -> None:
    for each in posting:
        each.result(timeout=60)


def _settled(stack: Stack, expected: dict[str, Any]) -> dict[str, Any]:
    """Total and pending of the summary, once they are as expected or time is up.

    What the queue gave up meanwhile waits for the next sweep, which comes every minute.
    """
    deadline = time.monotonic() + 90
    while True:
        summary = stack.summary()
        seen = {"total": summary["total"], "pending": summary["sentiment"]["pending"]}
        if seen == expected or time.monotonic() > deadline:
            return seen
        time.sleep(0.1)
