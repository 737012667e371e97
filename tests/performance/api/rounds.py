"""Subjects that take turns, so that a machine whose speed drifts treats all of them alike."""

from __future__ import annotations

from collections.abc import Sequence

from tests.performance.api.subject import Subject, Turn


def paired(entries: Sequence[tuple[Subject, str]], rounds: int, seconds: float) -> list[list[Turn]]:
    """Return the turns of each entry, one a round, in the order of the entries.

    Each round begins with another one. A round before the first warms up and counts nothing.

    Args:
        entries: a started process and one of its operations.
        rounds: how often each has its turn.
        seconds: how long a turn takes, about; one call at the least.
    """
    turns: list[list[Turn]] = [[] for _ in entries]
    for index in range(-1, rounds):
        start = index % len(entries)
        for place in [*range(start, len(entries)), *range(start)]:
            subject, operation = entries[place]
            turn = subject.turn(operation, seconds)
            if index >= 0:
                turns[place].append(turn)
    return turns


def cpu(turns: Sequence[Turn]) -> list[float]:
    """Microseconds of CPU."""
    return [turn.cpu * 1e6 for turn in turns]


def wall(turns: Sequence[Turn]) -> list[float]:
    """Milliseconds that passed."""
    return [turn.wall * 1e3 for turn in turns]
