"""Where an answer of ours came from, as it says itself."""

from __future__ import annotations

from typing import Any

from tests.performance.api.figures import MeasurementError
from tests.performance.api.subject import Subject

_PREFIX = "cache;desc="
_TRIES = 300


def source(answer: dict[str, Any]) -> str:
    """`hit`, `stale` or `miss` of the cache of responses, `bypass` where it was not asked, and
    nothing where none stands before the answer."""
    told: str = answer["headers"].get("server-timing", "")
    return told.removeprefix(_PREFIX)


def ask_until_kept(subject: Subject, operation: str) -> None:
    """Ask until the answer comes from the cache, whose connection the first calls make.

    Raises:
        MeasurementError: it never does.
    """
    for _ in range(_TRIES):
        if source(subject.answer(operation)) == "hit":
            return
    raise MeasurementError(f"{subject.name}, {operation}: no answer comes from the cache")


def check_computed(subject: Subject, operation: str) -> None:
    """Make sure that an answer was computed for this call.

    Raises:
        MeasurementError: it was not.
    """
    if source(subject.answer(operation)) not in ("", "bypass", "miss"):
        raise MeasurementError(f"{subject.name}, {operation}: answers from a cache")


def check_uncached(subject: Subject, operation: str) -> None:
    """Make sure that a function was started without a cache of responses.

    Raises:
        MeasurementError: it has one.
    """
    if told := source(subject.answer(operation)):
        raise MeasurementError(f"{subject.name}, {operation}: has a cache, which says {told}")
