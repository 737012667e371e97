"""How long a run takes, so that it can be said beforehand."""

from __future__ import annotations

from collections.abc import Iterable

from tests.performance.serving import ceiling, subjects
from tests.performance.serving.plan import CEILING, OURS, Plan
from tests.performance.serving.tuning import ALONE, ALONE_SHARE, BUSY

START = {CEILING: 1.5, OURS: 1.5, "fastapi": 2.0, "litserve": 3.0, "bentoml": 5.0}
"""Seconds to start a server, hear its first answers, and stop it again: a rough guess."""

PASS = 0.8
"""Seconds in which the raw encoder goes over all texts once, on cores like ours: it measures whole
passes, so half of one comes on top of each measurement."""

OVERLOAD_TAIL = 0.5
"""Arrivals go on for this long after the measured time."""

_FINALISTS = 3
"""Of two by throughput and two by latency, one is usually the same."""


def estimate(plan: Plan, cores: int) -> float:
    """Return about how many seconds a run takes, the installing of peers left out."""
    return _tuning(plan, cores) + plan.rounds * _round(plan) + _overload(plan)


def overload_warm_up(plan: Plan) -> float:
    """Return the seconds before what is measured: a queue can be as long as the deadline."""
    return max(plan.deadline, plan.warm_up)


def _tuning(plan: Plan, cores: int) -> float:
    if not plan.tuning_seconds:
        return 0.0
    seconds = 0.0
    if CEILING in plan.only:
        tried = ceiling.settings(cores, all_of_them=True)
        layouts = {(setting.processes, setting.threads) for setting in tried}
        seconds += len(layouts) * START[CEILING]
        seconds += len(tried) * (plan.tuning_seconds + PASS / 2)
    warm_up = plan.warm_up_at(ALONE) + plan.warm_up_at(BUSY)
    sample = plan.tuning_seconds * (1 + ALONE_SHARE) + warm_up
    for name in plan.peers:
        tried_settings = len(subjects.settings(name, cores)) + _FINALISTS
        seconds += tried_settings * (START[name] + sample)
    return seconds


def _round(plan: Plan) -> float:
    seconds = 0.0
    if CEILING in plan.only:
        finalists = 2 if plan.tuning_seconds else 1
        times = 2 if OURS in plan.only else 1
        one = START[CEILING] + ceiling.WARM_UP + plan.seconds * (1 + ceiling.BARE_SHARE) + PASS
        seconds += times * finalists * one
    if OURS in plan.only:
        seconds += START[OURS] + _cells(plan, {*plan.concurrency, *plan.beyond})
    peers = _cells(plan, plan.concurrency)
    if plan.tuning_seconds:  # two settings, and both of them between 1 and 32
        peers += _cells(plan, [count for count in plan.concurrency if ALONE < count < BUSY])
    starts = 2 if plan.tuning_seconds else 1
    return seconds + sum(starts * START[name] + peers for name in plan.peers)


def _cells(plan: Plan, concurrency: Iterable[int]) -> float:
    return sum(plan.warm_up_at(count) + plan.seconds for count in concurrency)


def _overload(plan: Plan) -> float:
    if OURS not in plan.only:
        return 0.0
    # Answers trickle in until the last deadline.
    load = overload_warm_up(plan) + plan.overload_seconds + OVERLOAD_TAIL + plan.deadline
    return plan.rounds * (START[OURS] + plan.warm_up + load)
