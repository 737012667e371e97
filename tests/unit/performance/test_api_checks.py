"""Measurements that would measure something else than they say are refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.performance.api.figures import MeasurementError
from tests.performance.api.items import interactions
from tests.performance.api.measurements import batch_single, pools
from tests.performance.api.measurements.replica_split import Round, Work, compare
from tests.performance.api.served import ask_until_kept, check_computed, check_uncached
from tests.performance.api.subject import Subject, Turn, bare, started

CODE = """
from itertools import chain, count, repeat

opened = count(1)
made = [0]

def open_one():
    made[0] = next(opened)

def saying(told):
    words = iter(told)
    return lambda: {"headers": {"server-timing": f"cache;desc={next(words)}"}}

def operations():
    return {
        "warms up": saying(chain(["bypass", "miss"], repeat("hit"))),
        "never": saying(repeat("bypass")),
        "missed": saying(repeat("miss")),
        "kept": saying(repeat("stale")),
        "plain": lambda: {"headers": {}},
        "good kept": lambda: None,
        "good new": open_one,
        "good opened": lambda: made[0],
        "bad kept": open_one,
        "bad new": open_one,
        "bad opened": lambda: made[0],
    }
"""


@pytest.fixture
def subject(tmp_path: Path) -> Iterator[Subject]:
    code = tmp_path / "subject.py"
    code.write_text(CODE)
    with ExitStack() as stack:
        yield stack.enter_context(started("subject", bare(), code, {}, tmp_path))


def test_a_cache_has_the_calls_that_it_takes_to_be_reached(subject: Subject) -> None:
    ask_until_kept(subject, "warms up")
    with pytest.raises(MeasurementError, match="no answer comes from the cache"):
        ask_until_kept(subject, "never")


def test_what_is_computed_for_each_call_is_told_from_what_is_kept(subject: Subject) -> None:
    check_computed(subject, "never")
    check_computed(subject, "missed")
    check_computed(subject, "plain")
    with pytest.raises(MeasurementError, match="from a cache"):
        check_computed(subject, "kept")


def test_a_function_without_a_cache_says_nothing_of_one(subject: Subject) -> None:
    check_uncached(subject, "plain")
    with pytest.raises(MeasurementError, match="says bypass"):
        check_uncached(subject, "never")


def test_a_pool_that_opens_connections_is_none(subject: Subject) -> None:
    pools.check(subject, "good")
    with pytest.raises(MeasurementError, match="bad, kept: 5 connections for 5 calls"):
        pools.check(subject, "bad")


def test_calls_that_were_made_are_counted(subject: Subject) -> None:
    subject.answer("plain")
    subject.run("plain", 3)
    subject.run("never", 4)
    assert subject.made == 7


def test_a_batch_in_which_one_fails_is_not_measured() -> None:
    def answer(*statuses: int) -> dict[str, str]:
        return {"body": json.dumps({"results": [{"status": each} for each in statuses]})}

    batch_single.check(answer(204, 204), 204)
    with pytest.raises(MeasurementError, match=r"\[204, 404\]"):
        batch_single.check(answer(204, 404, 204), 204)
    with pytest.raises(MeasurementError, match=r"\[\]"):
        batch_single.check(answer(), 204)


def test_a_batch_names_what_single_requests_name() -> None:
    items = list(interactions(3))
    (batch,), single = batch_single.of_stored(items, "get_batch", "get")
    ids = [item["id"]["S"] for item in items]
    assert batch["rawQueryString"] == f"ids={','.join(ids)}"
    assert [each["rawPath"] for each in single] == [f"/v1/interactions/{each}" for each in ids]
    assert [each["requestContext"]["http"]["path"] for each in single] == [
        each["rawPath"] for each in single
    ]


def test_work_of_the_servers_is_shared_out_by_round() -> None:
    turn = Turn(cpu=0.01, wall=0.02)
    split = [Round(turn, Work(9, 200.0), Work(81, 900.0))] * 2
    alone = [Round(turn, Work(90, 1_000.0), Work(0, 100.0))] * 2
    ratios = {each.name.partition(": ")[2]: each.ratio for each in compare(split, alone, 100, "")}
    assert ratios == {
        "reads of the primary": pytest.approx(0.1),
        "CPU of the primary, a call": pytest.approx(0.2),
        "CPU of both servers, a call": pytest.approx(1.0),
        "CPU of the client, a call": pytest.approx(1.0),
    }
    before, after = Work(10, 500.0), Work(15, 800.0)
    assert after.since(before) == Work(5, 300.0)
