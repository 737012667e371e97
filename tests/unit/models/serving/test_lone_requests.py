"""Requests that have the server to themselves, and the sessions behind them."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.artifacts import MODEL_FILE
from models.encoder.sessions import EncoderSession, LoneSession
from models.sentiment.predictor import ARTIFACT
from models.serving.engine import Engine
from models.serving.metrics import ServerMetrics
from models.serving.model import Lane
from models.serving.tickets import Caller, LaneLimits, QueueLimits

WINDOW = [101, 2023, 12543, 2003, 1037, 7071, 102]


class Counted:
    """Answers a unit with itself, and counts how it was asked."""

    def __init__(self) -> None:
        self.usual = self.alone = 0
        self.lane = Lane(self._run, LaneLimits(), self._run_alone)

    def _run(self, units: Sequence[Any]) -> Sequence[Any]:
        self.usual += 1
        time.sleep(0.01)
        return units

    def _run_alone(self, units: Sequence[Any]) -> Sequence[Any]:
        self.alone += 1
        return units


@pytest.fixture
async def engine() -> AsyncIterator[tuple[Engine, Counted]]:
    counted = Counted()
    made = Engine({"a": counted.lane}, workers=2, limits=QueueLimits(), metrics=ServerMetrics())
    made.start()
    yield made, counted
    made.close()


def caller(source: int) -> Caller:
    return Caller(time.monotonic() + 10.0, source=source)


async def test_a_lone_request_gets_the_lane_s_own_way(engine: tuple[Engine, Counted]) -> None:
    serving, counted = engine
    assert await serving.run([("a", "x")], caller(1)) == ["x"]
    await asyncio.sleep(0.06)
    for _ in range(3):
        assert await serving.run([("a", "x")], caller(1)) == ["x"]
    assert (counted.usual, counted.alone) == (1, 3)


async def test_in_company_requests_run_as_usual(engine: tuple[Engine, Counted]) -> None:
    serving, counted = engine
    await asyncio.gather(*(serving.run([("a", "x")], caller(n)) for n in range(4)))
    assert await serving.run([("a", "x"), ("a", "y")], caller(3)) == ["x", "y"]
    assert counted.alone == 0


async def test_what_lone_runs_take_is_not_what_others_are_promised(
    engine: tuple[Engine, Counted],
) -> None:
    serving, _ = engine
    await serving.run([("a", "x")], caller(1))
    before = serving._batcher._costs["a"].seconds(1)
    await asyncio.sleep(0.06)
    for _ in range(50):
        await serving.run([("a", "x")], caller(1))
    assert serving._batcher._costs["a"].seconds(1) == before >= 0.01


def test_the_second_session_comes_after_the_first_answer_and_says_the_same() -> None:
    usual = EncoderSession(Path(ARTIFACT) / MODEL_FILE)
    lone = LoneSession(usual, threads=2)
    assert 0 < lone.bytes < 2**26
    assert lone.loading is None
    (first,) = lone.run([WINDOW])
    assert lone.loading is not None
    lone.loading.join()
    (second,) = lone.run([WINDOW])
    (expected,) = usual.run([WINDOW])
    assert np.array_equal(first, expected)
    assert second == pytest.approx(expected, abs=1e-3)


class Broken:
    """In place of ONNX Runtime's session."""

    def __init__(self, value: float) -> None:
        self._value = value

    def run(self, names: list[str], *_: Any) -> list[Any]:
        return [np.full((1, 3), self._value, dtype=np.float32) for _ in names]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_answer(value: float) -> None:
    session = EncoderSession(Path(ARTIFACT) / MODEL_FILE)
    session._session = Broken(value)
    with pytest.raises(FloatingPointError):
        session.run([WINDOW])
    session._session = Broken(1.0)
    assert session.run([WINDOW])[0].tolist() == [[1.0, 1.0, 1.0]]
