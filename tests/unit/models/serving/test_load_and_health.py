"""Full queues, deadlines, clients that go, models that fail, and what a ping makes of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from models.serving.engine import Engine
from models.serving.lane_limits import ENCODER
from models.serving.messages import Response
from models.serving.metrics import ServerMetrics
from models.serving.model import Lane
from models.serving.settings import ServerSettings
from models.serving.tickets import Caller, QueueLimits
from tests.unit.models.serving.asking import content, ping, post, started
from tests.unit.models.serving.length_tier import LengthTier, running

SETTINGS = ServerSettings(workers=2)


async def test_a_full_queue_is_a_503_that_says_when_to_come_back() -> None:
    tier = LengthTier()
    tier.gate.clear()
    settings = replace(SETTINGS, workers=1, queue=QueueLimits(tokens=8))
    async with running(tier, settings=settings) as app:
        running_now = asyncio.create_task(app.handle(post({"texts": ["aaaa"]})))
        await started(tier)
        waiting = asyncio.create_task(app.handle(post({"texts": ["bbbbbb"]})))
        await asyncio.sleep(0)
        refused = await app.handle(post({"texts": ["cccccc"]}))
        tier.gate.set()
        answered = [await running_now, await waiting]
    assert refused.status == 503
    assert int(refused.headers["Retry-After"]) >= 1
    assert content(refused)["code"] == "ServiceUnavailable"
    assert [response.status for response in answered] == [200, 200]


async def test_a_greedy_client_gets_a_429_while_others_wait_too() -> None:
    tier = LengthTier()
    tier.gate.clear()
    settings = replace(SETTINGS, workers=1, queue=QueueLimits(tokens=20))
    async with running(tier, settings=settings) as app:

        def ask(client: str) -> asyncio.Task[Response]:
            request = replace(post({"texts": ["a" * 6]}), client=client)
            return asyncio.create_task(app.handle(request))

        first = ask("greedy")
        await started(tier)
        waiting = [ask("greedy"), ask("modest")]
        await asyncio.sleep(0)
        refused = await ask("greedy")
        tier.gate.set()
        statuses = [(await task).status for task in [first, *waiting]]
    assert refused.status == 429
    assert content(refused)["code"] == "TooManyRequests"
    assert statuses == [200, 200, 200]


async def test_a_deadline_that_passes_is_a_504_and_its_text_never_runs() -> None:
    tier = LengthTier()
    tier.gate.clear()
    async with running(tier, settings=replace(SETTINGS, workers=1)) as app:
        first = asyncio.create_task(app.handle(post({"texts": ["aaaa"]})))
        await started(tier)
        late = await app.handle(
            post({"texts": ["late"]}, x_amzn_sagemaker_custom_attributes="a=b,timeout-ms=50")
        )
        tier.gate.set()
        await first
        assert (await app.handle(post({"texts": ["bbbb"]}))).status == 200
    assert late.status == 504
    assert content(late)["code"] == "DeadlineExceeded"
    assert ["late"] not in tier.seen


SOON = "timeout-ms=60"


@pytest.mark.parametrize("slow", ["tokenise_seconds", "run_seconds", "join_seconds"])
@pytest.mark.parametrize("text", ["short", "long" * 1000])
async def test_no_answer_comes_late_whatever_takes_long(slow: str, text: str) -> None:
    tier = LengthTier()
    async with running(tier, settings=SETTINGS) as app:
        ask = replace(post({"texts": [text]}, x_amzn_sagemaker_custom_attributes=SOON), source=1)
        await app.handle(ask)
        setattr(tier, slow, 0.1)
        assert (await app.handle(replace(ask, arrived=time.monotonic()))).status == 504


async def test_no_answer_comes_late_where_the_event_loop_was_busy() -> None:
    tier = LengthTier()
    async with running(tier, settings=SETTINGS) as app:
        ask = post({"texts": ["a"]}, x_amzn_sagemaker_custom_attributes=SOON)
        task = asyncio.create_task(app.handle(ask))
        await asyncio.sleep(0)
        time.sleep(0.1)  # noqa: ASYNC251  it is what this is about
        assert (await task).status == 504


async def test_the_time_that_a_request_took_to_come_in_counts() -> None:
    tier = LengthTier()
    async with running(tier, settings=SETTINGS) as app:
        ask = post({"texts": ["a"]}, x_amzn_sagemaker_custom_attributes=SOON)
        assert (await app.handle(replace(ask, arrived=time.monotonic() - 0.06))).status == 504
    assert tier.seen == []


async def test_a_run_that_could_end_late_does_not_block_the_event_loop() -> None:
    tier = LengthTier()
    async with running(tier, settings=SETTINGS) as app:
        for _ in range(50):
            app.engine.learn("full", 1, 0.3)
        ask = replace(post({"texts": ["a"]}), source=1)
        await app.handle(ask)
        await asyncio.sleep(0.06)
        hurried = post({"texts": ["a"]}, x_amzn_sagemaker_custom_attributes="timeout-ms=600")
        task = asyncio.create_task(app.handle(replace(hurried, source=1)))
        await asyncio.sleep(0)
        assert not task.done()
        await task


async def test_a_lone_request_that_had_to_wait_for_company_is_not_forgotten() -> None:
    def run(units: Sequence[Any]) -> Sequence[Any]:
        time.sleep(0.004)
        return units

    lane = Lane(run, ENCODER[True])
    engine = Engine({"a": lane}, workers=1, limits=QueueLimits(), metrics=ServerMetrics())
    for tokens in (10, 100, 1000):
        engine.learn("a", tokens, 0.02)
    engine.start()
    deadline = time.monotonic() + 5.0
    try:
        burst = (engine.run([("a", "x")], Caller(deadline, source=n)) for n in range(100))
        await asyncio.gather(*burst)
        await engine.run([("a", "x")], Caller(deadline, source="lone"))
        await asyncio.sleep(0.06)
        assert await engine.run([("a", "x")], Caller(deadline, source="lone")) == ["x"]
        assert time.monotonic() < deadline
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("priority", "let_in"), [("critical", 32), ("standard", 29), ("batch", 16)]
)
async def test_long_texts_do_not_pile_up_beside_the_event_loop(priority: str, let_in: int) -> None:
    tier = LengthTier()
    tier.tokenise_seconds = 0.02
    async with running(tier, settings=SETTINGS) as app:
        ask = post(
            {"texts": ["long" * 1000]}, x_amzn_sagemaker_custom_attributes=f"priority={priority}"
        )
        answers = await asyncio.gather(*(app.handle(ask) for _ in range(40)))
    refused = [answer for answer in answers if answer.status == 503]
    assert len(answers) - len(refused) == let_in
    assert refused[0].headers["Retry-After"] == "1"


async def test_an_answer_says_where_its_time_went() -> None:
    tier = LengthTier()
    tier.run_seconds = 0.01
    async with running(tier, settings=replace(SETTINGS, workers=1)) as app:
        answer = await app.handle(post({"texts": ["four", "five"]}))
    queue, compute, batch = answer.headers["server-timing"].split(", ")
    assert float(queue.removeprefix("queue;dur=")) < 10.0
    assert float(compute.removeprefix("compute;dur=")) >= 10.0
    assert batch == "batch;desc=2"


@pytest.mark.parametrize("value", ["", "0", "-5", "1.5", "soon", "60001", "9" * 5000])
async def test_a_deadline_must_be_milliseconds(value: str) -> None:
    async with running(LengthTier(), settings=SETTINGS) as app:
        response = await app.handle(
            post({"texts": ["a"]}, x_amzn_sagemaker_custom_attributes=f"timeout-ms={value}")
        )
    assert response.status == 400
    assert content(response)["message"].startswith("X-Amzn-SageMaker-Custom-Attributes: ")


async def test_what_a_client_no_longer_waits_for_never_runs() -> None:
    tier = LengthTier()
    tier.gate.clear()
    async with running(tier, settings=replace(SETTINGS, workers=1)) as app:
        first = asyncio.create_task(app.handle(post({"texts": ["aaaa"]})))
        await started(tier)
        gone = asyncio.create_task(app.handle(post({"texts": ["gone"]})))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        tier.gate.set()
        assert (await first).status == 200
        assert (await app.handle(post({"texts": ["bbbb"]}))).status == 200
    assert [text for run in tier.seen for text in run] == ["aaaa", "bbbb"]


async def test_inference_does_not_hold_up_the_event_loop() -> None:
    tier = LengthTier()
    async with running(tier, settings=SETTINGS) as app:
        await app.handle(post({"texts": ["a"]}))
        tier.gate.clear()
        busy = asyncio.create_task(app.handle(post({"texts": ["b"]})))
        await started(tier, runs=2)
        assert (await ping(app)).status == 200
        tier.gate.set()
        assert (await busy).status == 200


async def test_a_lone_connection_is_served_on_the_event_loop_s_own_thread() -> None:
    tier = LengthTier()
    async with running(tier, settings=SETTINGS) as app:
        ask = replace(post({"texts": ["a"]}), source=1)
        await app.handle(ask)
        await asyncio.sleep(0.06)
        task = asyncio.create_task(app.handle(ask))
        await asyncio.sleep(0)
        assert task.done()
        assert task.result().status == 200


async def test_ping_is_200_when_the_model_answers() -> None:
    async with running(LengthTier(), settings=SETTINGS) as app:
        response = await ping(app)
    assert response.status == 200
    assert content(response)["model"] == "length-full"


async def test_a_failing_model_is_a_500_and_an_unhealthy_ping_until_it_recovers() -> None:
    tier = LengthTier()
    async with running(tier, settings=SETTINGS) as app:
        assert (await ping(app)).status == 200
        tier.broken = True
        failed = await app.handle(post({"texts": ["a"]}))
        unhealthy = await ping(app)
        tier.broken = False
        recovered = await ping(app)
    assert failed.status == 500
    assert content(failed) == {
        "code": "InternalFailure",
        "message": "the model failed on this request",
    }
    assert unhealthy.status == 503
    assert content(unhealthy)["code"] == "ServiceUnavailable"
    assert recovered.status == 200


async def test_a_model_that_nobody_asks_is_proved_too() -> None:
    broken = LengthTier("fast")
    broken.broken = True
    async with running(LengthTier(), broken, settings=SETTINGS) as app:
        await app.handle(post({"texts": ["a"]}))
        assert (await ping(app)).status == 503
        broken.broken = False
        assert (await ping(app)).status == 200


async def test_a_text_that_breaks_the_model_fails_alone() -> None:
    tier = LengthTier()
    tier.gate.clear()
    async with running(tier, settings=replace(SETTINGS, workers=1)) as app:
        tasks = [asyncio.create_task(app.handle(post({"texts": ["blocks"]})))]
        await started(tier)
        tasks += [
            asyncio.create_task(app.handle(post({"texts": [text]})))
            for text in ("poison", "sweets")
        ]
        await asyncio.sleep(0)
        tier.gate.set()
        statuses = [(await task).status for task in tasks]
    assert ["poison", "sweets"] in tier.seen
    assert statuses == [200, 500, 200]


async def test_a_model_that_hangs_is_unhealthy() -> None:
    tier = LengthTier()
    tier.gate.clear()
    settings = replace(SETTINGS, ping_seconds=0.05)
    async with running(tier, settings=settings) as app:
        assert (await ping(app)).status == 503


async def test_a_worker_that_hangs_is_unhealthy_though_another_answers() -> None:
    tier, other = LengthTier(), LengthTier("fast")
    settings = replace(SETTINGS, stall_seconds=0.05)
    async with running(tier, other, settings=settings) as app:
        tier.gate.clear()
        hanging = asyncio.create_task(app.handle(post({"texts": ["a"]})))
        await started(tier)
        assert (await app.handle(post({"texts": ["b"], "tier": "fast"}))).status == 200
        await asyncio.sleep(0.1)
        assert (await ping(app)).status == 503
        tier.gate.set()
        assert (await hanging).status == 200
        assert (await ping(app)).status == 200


async def test_a_ping_does_not_wait_behind_a_backlog() -> None:
    tier = LengthTier()
    tier.gate.clear()
    async with running(tier, settings=replace(SETTINGS, workers=1)) as app:
        backlog = [
            asyncio.create_task(app.handle(post({"texts": ["a" * (5 * n)]}))) for n in range(1, 6)
        ]
        await started(tier)
        probe = asyncio.create_task(ping(app))
        await asyncio.sleep(0)
        tier.gate.set()
        assert (await probe).status == 200
        await asyncio.gather(*backlog)
    assert tier.seen[1] == ["ping"]


async def test_draining_refuses_what_is_new_and_finishes_what_was_accepted() -> None:
    async with running(LengthTier(), settings=SETTINGS) as app:
        app.draining = True
        unwell = await ping(app)
        refused = await app.handle(replace(post({"texts": ["a"]}), accepted=False))
        finished = await app.handle(post({"texts": ["a"]}))
    assert unwell.status == 503
    assert refused.status == 503
    assert refused.headers["Retry-After"] == "1"
    assert finished.status == 200
