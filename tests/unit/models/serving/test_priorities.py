"""Who is refused first while the queue fills, and what clients and operators see of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from models.serving.messages import Request, Response
from models.serving.settings import ServerSettings
from models.serving.tickets import Caller, Priority, QueueLimits, Refusal, Refused
from models.serving.wire import read_attributes
from tests.unit.models.serving.asking import content, post, started
from tests.unit.models.serving.length_tier import LengthTier, running
from tests.unit.models.serving.test_batching import batcher, ticket

CRITICAL, STANDARD, BATCH = Priority
FULL_AT = [(BATCH, 500), (STANDARD, 900), (CRITICAL, 1000)]


@pytest.mark.parametrize(
    ("attributes", "seconds", "priority"),
    [
        (None, 60.0, STANDARD),
        ("", 60.0, STANDARD),
        ("priority=critical", 60.0, CRITICAL),
        ("timeout-ms=2000", 2.0, STANDARD),
        ("timeout-ms=2000,priority=batch", 2.0, BATCH),
        ("priority=standard, timeout-ms=2000", 2.0, STANDARD),
        ("trace=1,priority=batch,a=b,timeout-ms=5,c", 0.005, BATCH),
        ("my-priority=high,xtimeout-ms=no", 60.0, STANDARD),
        ("priority=batch,priority=critical,timeout-ms=5,timeout-ms=9", 0.005, BATCH),
    ],
)
def test_attributes_are_read_in_any_order_and_others_left_alone(
    attributes: str | None, seconds: float, priority: Priority
) -> None:
    assert read_attributes(attributes, 60.0) == (seconds, priority)


@pytest.mark.parametrize("value", ["", "high", "Batch", "batch=1", "0"])
@pytest.mark.parametrize("before", ["", "timeout-ms=50,"])
async def test_a_priority_that_there_is_not_is_a_400(before: str, value: str) -> None:
    attributes = f"{before}priority={value}"
    async with running(LengthTier(), settings=ServerSettings(workers=1)) as app:
        response = await app.handle(
            post({"texts": ["a"]}, x_amzn_sagemaker_custom_attributes=attributes)
        )
    assert response.status == 400
    assert content(response)["message"] == (
        "X-Amzn-SageMaker-Custom-Attributes: priority must be one of critical, standard, batch"
    )


@pytest.mark.parametrize(("priority", "most"), FULL_AT)
def test_each_priority_has_its_share_of_the_tokens(priority: Priority, most: int) -> None:
    queue = batcher(limits=QueueLimits(tokens=1000, wait_seconds=60.0))
    queue.admit(ticket(most - 100, priority=CRITICAL), 0.0)
    assert queue.admit(ticket(101, priority=priority), 0.0) == Refused(
        Refusal.FULL, queue.backlog_seconds()
    )
    assert queue.admit(ticket(100, priority=priority), 0.0) is None


@pytest.mark.parametrize(("priority", "most"), FULL_AT)
def test_each_priority_has_its_share_of_the_wait(priority: Priority, most: int) -> None:
    queue = batcher(limits=QueueLimits(wait_seconds=1.0))
    queue.admit(ticket(most - 10, priority=CRITICAL), 0.0)
    assert queue.admit(ticket(20, priority=priority), 0.0) is None
    refused = queue.admit(ticket(20, priority=priority), 0.0)
    assert refused is not None
    assert refused.reason is Refusal.FULL


@pytest.mark.parametrize(("priority", "most"), FULL_AT)
def test_who_will_be_refused_is_turned_away_before_anything_is_spent(
    priority: Priority, most: int
) -> None:
    caller = Caller(deadline=100.0, priority=priority)
    queue = batcher(limits=QueueLimits(tokens=1000, wait_seconds=60.0))
    queue.admit(ticket(most - 1, priority=CRITICAL), 0.0)
    assert queue.turn_away(caller, 0.0) is None
    queue.admit(ticket(1, priority=CRITICAL), 0.0)
    refused = queue.turn_away(caller, 0.0)
    assert refused is not None
    assert refused.reason is Refusal.FULL


def test_an_empty_queue_takes_batch_work_of_any_size_that_fits_it() -> None:
    queue = batcher(limits=QueueLimits(tokens=1000))
    assert queue.admit(ticket(900, priority=BATCH), 0.0) is None
    assert batcher(limits=QueueLimits(tokens=1000)).admit(ticket(1001), 0.0) is not None


def test_what_has_had_a_run_is_let_in_to_its_end() -> None:
    queue = batcher(limits=QueueLimits(tokens=1000, wait_seconds=60.0))
    queue.admit(ticket(800, priority=CRITICAL), 0.0)
    begun = Caller(deadline=100.0, priority=BATCH)
    begun.timing.batch = 1
    assert queue.turn_away(begun, 0.0) is None
    later = ticket(100, priority=BATCH)
    later.timing.batch = 1
    assert queue.admit(later, 0.0) is None


def test_no_priority_is_above_fairness() -> None:
    queue = batcher(limits=QueueLimits(tokens=1000))
    queue.admit(ticket(*[100] * 5, client="greedy", priority=CRITICAL), 0.0)
    queue.admit(ticket(100, client="modest", priority=CRITICAL), 0.0)
    refused = queue.admit(ticket(100, client="greedy", priority=CRITICAL), 0.0)
    assert refused is not None
    assert refused.reason is Refusal.GREEDY
    assert queue.admit(ticket(100, client="modest", priority=CRITICAL), 0.0) is None


async def test_a_filling_queue_refuses_batch_work_then_the_rest_and_counts_whom() -> None:
    tier = LengthTier()
    tier.gate.clear()
    settings = ServerSettings(workers=1, queue=QueueLimits(tokens=100))
    async with running(tier, settings=settings) as app:

        def ask(length: int, attributes: str, path: str = "/invocations") -> asyncio.Task[Response]:
            request = post({"texts": ["a" * length]}, path)
            headers = {"x-amzn-sagemaker-custom-attributes": attributes}
            return asyncio.create_task(app.handle(replace(request, headers=headers)))

        answered = [ask(4, "priority=batch")]
        await started(tier)
        answered.append(ask(50, "timeout-ms=9000,priority=batch"))
        await asyncio.sleep(0)
        refused = await ask(2, "priority=batch,timeout-ms=9000")
        wrapped = await ask(2, "priority=batch", "/endpoints/sentiment/invocations")
        answered.append(ask(40, "timeout-ms=9000"))
        await asyncio.sleep(0)
        also_refused = await ask(2, "")
        answered.append(ask(10, "priority=critical"))
        await asyncio.sleep(0)
        full = await ask(2, "priority=critical")
        metrics = (await app.handle(Request("GET", "/metrics"))).body.decode()
        tier.gate.set()
        statuses = [(await task).status for task in answered]
    assert statuses == [200] * 4
    for response in (refused, also_refused, full):
        assert response.status == 503
        assert int(response.headers["Retry-After"]) >= 1
    assert content(wrapped)["OriginalStatusCode"] == 503
    assert int(wrapped.headers["Retry-After"]) >= 1
    assert 'serving_refusals_total{reason="full",priority="batch"} 2\n' in metrics
    assert 'serving_refusals_total{reason="full",priority="standard"} 1\n' in metrics
    assert 'serving_refusals_total{reason="full",priority="critical"} 1\n' in metrics
