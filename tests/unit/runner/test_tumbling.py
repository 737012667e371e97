from __future__ import annotations

import time

from functions._runner.tumbling import Record, TumblingWindow


def at(seconds: float) -> Record:
    return {"dynamodb": {"ApproximateCreationDateTime": seconds}}


def test_batches_are_cut_where_a_window_ends() -> None:
    records = [at(10.0), at(10.9), at(11.0), at(15.0)]
    assert [len(run) for run in TumblingWindow(1).split(records)] == [2, 1, 1]
    assert [len(run) for run in TumblingWindow(5).split(records)] == [3, 1]
    assert [len(run) for run in TumblingWindow(0).split(records)] == [4]


def test_a_window_ends_with_the_first_record_of_another() -> None:
    window = TumblingWindow(10)
    assert not window.is_over([at(5)])
    now = time.time()
    window.open([at(now + 100)])
    assert not window.is_over([at(now + 100)])
    assert window.is_over([at(now + 111)])
    assert not window.is_over([])


def test_a_window_ends_with_time() -> None:
    window = TumblingWindow(1)
    window.open([at(10.5)])
    assert window.bounds() == {"start": "1970-01-01T00:00:10Z", "end": "1970-01-01T00:00:11Z"}
    assert window.is_over([])
    window.close()
    assert not window.is_over([])


def test_state_is_carried_within_a_window_only() -> None:
    window = TumblingWindow(1)
    window.open([at(10)])
    window.keep({"state": {"sum": 1}})
    window.keep(None)
    assert window.state == {"sum": 1}
    window.close()
    assert window.state == {}


def test_without_a_window_nothing_ends() -> None:
    window = TumblingWindow(0)
    window.open([at(10)])
    assert not window.is_over([at(99)])
