"""Streams, queues and schedules over the real database and emulator."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from functions._runner import clients
from functions._runner.application import Application
from functions._runner.pool import Pool
from functions._runner.queues import QueuePoller
from functions._runner.schedules import Clock
from functions._runner.settings import Settings
from functions._runner.streams import StreamPoller
from tests.integration.runner.conftest import Notes


async def eventually(condition: Callable[[], bool], limit: float = 15.0) -> None:
    async with asyncio.timeout(limit):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 other processes do it
            await asyncio.sleep(0.02)


@asynccontextmanager
async def following(
    application: Application, settings: Settings, **rules: Any
) -> AsyncIterator[None]:
    """The stream's poller, until the end of the block; `rules` replace the mapping's own."""
    (mapping,) = (replace(each, **rules) for each in application.stream_mappings)
    async with Pool(mapping.function, settings, 1) as pool:
        task = asyncio.create_task(StreamPoller(mapping, pool, settings).run())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def put(settings: Settings, *names: str) -> None:
    client = clients.database(settings)
    for name in names:
        client.put_item(TableName="tiny-things", Item={"pk": {"S": name}})


def handled(notes: Notes) -> list[str]:
    return [name for batch in notes.of("stream_reader") for name in batch]


async def test_records_are_handled_in_order_across_restarts(
    application: Application, database: Settings, notes: Notes
) -> None:
    names = [f"n{number}" for number in range(30)]
    put(database, *names[:15])
    async with following(application, database):
        await eventually(lambda: handled(notes) == names[:15])
        await asyncio.sleep(0.1)  # the checkpoint follows the handler
    put(database, *names[15:])
    async with following(application, database):
        await eventually(lambda: handled(notes) == names)
        await eventually(lambda: notes.of("stream_reader")[-1] == [])  # closes the window


async def test_a_killed_worker_gets_its_records_again(
    application: Application, database: Settings, notes: Notes
) -> None:
    put(database, "a", "die", "b")
    async with following(application, database):
        await eventually(lambda: handled(notes).count("die") == 2 and handled(notes)[-1] == "b")


async def test_poison_is_kept_in_the_bucket_and_the_rest_goes_on(
    application: Application, database: Settings, emulator: Settings, notes: Notes
) -> None:
    put(database, "a", "b", "poison", "c")
    bucket = clients.buckets(emulator)
    async with following(application, database):
        await eventually(lambda: bool(bucket.list_objects_v2(Bucket="tiny-lost").get("Contents")))
        await eventually(lambda: "c" in handled(notes))
        put(database, "after")
        await eventually(lambda: "after" in handled(notes))
    (kept,) = bucket.list_objects_v2(Bucket="tiny-lost")["Contents"]
    assert kept["Key"].startswith("aws/lambda/StreamMapping/shardId-")
    document: Any = json.load(bucket.get_object(Bucket="tiny-lost", Key=kept["Key"])["Body"])
    (record,) = document["payload"]["Records"]
    assert record["dynamodb"]["Keys"] == {"pk": {"S": "poison"}}
    assert document["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert document["requestContext"]["approximateInvokeCount"] == 2


async def test_without_a_count_poison_is_retried_until_it_is_too_old(
    application: Application,
    database: Settings,
    emulator: Settings,
    notes: Notes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    put(database, "a", "poison")
    bucket = clients.buckets(emulator)
    async with following(application, database, retries=-1, max_age=3):
        await eventually(lambda: bool(bucket.list_objects_v2(Bucket="tiny-lost").get("Contents")))
        put(database, "after")
        await eventually(lambda: "after" in handled(notes))
    (kept,) = bucket.list_objects_v2(Bucket="tiny-lost")["Contents"]
    document: Any = json.load(bucket.get_object(Bucket="tiny-lost", Key=kept["Key"])["Body"])
    (record,) = document["payload"]["Records"]
    assert record["dynamodb"]["Keys"] == {"pk": {"S": "poison"}}
    context = document["requestContext"]
    assert context["condition"] == "RecordAgeExceeded"
    assert context["approximateInvokeCount"] > 2
    assert "stream_reader gave up records" in caplog.text
    assert "RecordAgeExceeded" in caplog.text


async def test_messages_that_fail_come_again_and_end_in_the_dead_letter_queue(
    application: Application, emulator: Settings, notes: Notes
) -> None:
    (mapping,) = application.queue_mappings
    client = clients.queues(emulator)
    for start in range(0, 20, 10):
        entries = [{"Id": str(n), "MessageBody": f"good {n}"} for n in range(start, start + 10)]
        client.send_message_batch(QueueUrl=mapping.queue_url, Entries=entries)  # type: ignore[arg-type]
    client.send_message(QueueUrl=mapping.queue_url, MessageBody="bad")
    dead = mapping.queue_url.replace("tiny-work", "tiny-dead")

    def is_dead() -> bool:
        received = client.receive_message(QueueUrl=dead, VisibilityTimeout=0).get("Messages", [])
        return [message["Body"] for message in received] == ["bad"]

    async with Pool(mapping.function, emulator, 1) as pool:
        task = asyncio.create_task(QueuePoller(mapping, pool, emulator).run())
        await eventually(is_dead)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    batches = notes.of("queue_reader")
    assert len(batches[0]) == 21  # more than one receive brings
    assert batches[1:] == [["bad"]]
    counts = client.get_queue_attributes(QueueUrl=mapping.queue_url, AttributeNames=["All"])
    assert counts["Attributes"]["ApproximateNumberOfMessages"] == "0"
    assert counts["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "0"


async def test_a_schedule_runs_at_the_start_and_whenever_it_is_woken(
    application: Application, settings: Settings, notes: Notes
) -> None:
    (schedule,) = application.schedules
    async with Pool(schedule.function, settings, 1) as pool:
        clock = Clock(schedule, pool)
        task = asyncio.create_task(clock.run())
        await eventually(lambda: notes.of("sweep") == ["Scheduled Event"])
        begun = time.monotonic()
        clock.wake()
        await eventually(lambda: len(notes.of("sweep")) == 2)
        assert time.monotonic() - begun < 5
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
