"""What becomes of more requests than the server can answer.

A server that takes a request makes a promise: an answer before the deadline. Only 429 and 503 say
no; whatever else is not a 200 in time (a late one, 504, 500, a closed connection, silence) is a
promise broken.
"""

from __future__ import annotations

import statistics
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from tests.performance.serving.client import Exchange, Load, answered
from tests.performance.serving.summary import fates, percentile

REFUSALS = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
LATE = "late"
_CLASSES = (0.25, 0.5, 0.75, 0.9, 1.0)
"""Shares of the texts, shortest first, that bound the classes of length."""


@dataclass(frozen=True, slots=True)
class LengthClass:
    """Requests of one length that were due within the measured time."""

    most_tokens: int
    offered: int
    in_time: int
    refused: int


@dataclass(frozen=True, slots=True)
class Overload:
    """An open loop's figures.

    Rates are of the measured time alone: answers count that came within it. Broken promises are
    those of all requests, whenever they were sent or answered.
    """

    offered_per_s: float
    """Requests due within the measured time, whatever came back."""

    deadline_ms: float
    goodput_per_s: float
    """Answers with status 200 within the deadline, counted from when the request was due."""

    goodput_tokens_per_s: float
    """Tokens of the texts so answered: less of the peak than the requests where long texts starve.
    """

    accepted_p99_ms: float
    """99th percentile of all answers with status 200, from when they were due; 0 without one."""

    refused: dict[str, int]
    """Requests answered with 429 or 503."""

    broken: dict[str, int]
    """Requests taken and not answered in time: `late` (status 200 later than the deadline after it
    was sent), another status, `closed` or `unanswered`."""

    late_by_intended: int
    """Answers with status 200 later than the deadline after they were due; those that were in time
    by when they were sent are the client's fault."""

    classes: list[LengthClass]
    client_lag_p99_ms: float
    """How late the client sent its requests; the worst round's."""

    most_under_way: int
    """Most requests under way at one time: what the client's limit has to lie above."""

    client_cores: float

    @property
    def late_by_sent(self) -> int:
        """Answers with status 200 later than the deadline after they were sent."""
        return self.broken.get(LATE, 0)


def overload(load: Load, deadline: float, tokens: Sequence[int]) -> Overload:
    """Judge each request of an open loop by its fate.

    Args:
        load: what it saw.
        deadline: seconds that each request gives the server, from when it is due.
        tokens: length of each of the run's requests.
    """
    end = load.started + load.seconds
    due = [entry for entry in load.exchanges if load.started <= entry.intended < end]
    accepted = [entry for entry in load.exchanges if answered(entry)]
    in_time = [
        entry
        for entry in accepted
        if load.started <= entry.done < end and entry.latency <= deadline
    ]
    refused = [entry for entry in load.exchanges if entry.status in REFUSALS]
    broken = fates([entry for entry in load.exchanges if entry.status not in REFUSALS])
    if late := sum(entry.since_sent > deadline for entry in accepted):
        broken[LATE] = late
    lags = [entry.lag for entry in load.exchanges]
    latencies = [entry.latency for entry in accepted]
    return Overload(
        offered_per_s=len(due) / load.seconds,
        deadline_ms=deadline * 1e3,
        goodput_per_s=len(in_time) / load.seconds,
        goodput_tokens_per_s=sum(tokens[entry.request] for entry in in_time) / load.seconds,
        accepted_p99_ms=percentile(latencies, 0.99) * 1e3 if latencies else 0.0,
        refused=dict(sorted(fates(refused).items())),
        broken=dict(sorted(broken.items())),
        late_by_intended=sum(latency > deadline for latency in latencies),
        classes=_by_length(due, deadline, tokens),
        client_lag_p99_ms=percentile(lags, 0.99) * 1e3 if lags else 0.0,
        most_under_way=load.most_under_way,
        client_cores=load.client_cores,
    )


def class_bounds(tokens: Sequence[int]) -> list[int]:
    """Return the longest text of each class: quarters by length, and the longest tenth."""
    return sorted({int(percentile(tokens, share)) for share in _CLASSES})


def _by_length(
    due: Sequence[Exchange], deadline: float, tokens: Sequence[int]
) -> list[LengthClass]:
    bounds = class_bounds(tokens)
    classes: list[list[Exchange]] = [[] for _ in bounds]
    for entry in due:
        classes[bisect_left(bounds, tokens[entry.request])].append(entry)
    return [
        LengthClass(
            most_tokens=bound,
            offered=len(members),
            in_time=sum(answered(entry) and entry.latency <= deadline for entry in members),
            refused=sum(entry.status in REFUSALS for entry in members),
        )
        for bound, members in zip(bounds, classes, strict=True)
    ]


def median_overload(rounds: Sequence[Overload]) -> Overload:
    """Return the median of each rate and time over the rounds; counts are summed, and of what says
    whether the client kept up, the worst counts."""
    refused: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    for entry in rounds:
        refused.update(entry.refused)
        broken.update(entry.broken)
    return Overload(
        offered_per_s=statistics.median(entry.offered_per_s for entry in rounds),
        deadline_ms=rounds[0].deadline_ms,
        goodput_per_s=statistics.median(entry.goodput_per_s for entry in rounds),
        goodput_tokens_per_s=statistics.median(entry.goodput_tokens_per_s for entry in rounds),
        accepted_p99_ms=statistics.median(entry.accepted_p99_ms for entry in rounds),
        refused=dict(sorted(refused.items())),
        broken=dict(sorted(broken.items())),
        late_by_intended=sum(entry.late_by_intended for entry in rounds),
        classes=[
            LengthClass(
                same[0].most_tokens,
                sum(entry.offered for entry in same),
                sum(entry.in_time for entry in same),
                sum(entry.refused for entry in same),
            )
            for same in zip(*(entry.classes for entry in rounds), strict=True)
        ],
        client_lag_p99_ms=max(entry.client_lag_p99_ms for entry in rounds),
        most_under_way=max(entry.most_under_way for entry in rounds),
        client_cores=statistics.median(entry.client_cores for entry in rounds),
    )
