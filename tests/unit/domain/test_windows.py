from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai.domain.windows import Interval, Segment, segments

START = datetime(2026, 11, 1, tzinfo=UTC)
moments = st.integers(0, 10 * 24 * 3600).map(lambda s: START + timedelta(seconds=s))


@given(moments, moments)
def test_segments_cover_the_range_once(a: datetime, b: datetime) -> None:
    start, end = min(a, b), max(a, b)
    parts = list(segments(start, end))
    edges = [start, *(part.end for part in parts)]
    assert [part.start for part in parts] == edges[:-1]
    assert edges[-1] == end
    assert all(part.start < part.end for part in parts)


@given(moments, moments)
def test_items_are_read_for_less_than_two_hours(a: datetime, b: datetime) -> None:
    parts = list(segments(min(a, b), max(a, b)))
    by_item = sum((part.end - part.start for part in parts if part.interval is None), timedelta())
    by_hour = sum(
        (part.end - part.start for part in parts if part.interval is Interval.HOUR), timedelta()
    )
    assert by_item < timedelta(hours=2)
    assert by_hour < timedelta(days=2)


@given(moments, st.sampled_from(Interval))
def test_a_window_has_a_name_that_gives_its_start_back(
    instant: datetime, interval: Interval
) -> None:
    start = interval.floor(instant)
    assert start <= instant < start + interval.length
    assert interval.window_start(interval.window(start)) == start
    assert interval.ceil(start) == start


@given(moments, moments, st.sampled_from(Interval))
def test_names_sort_as_windows_do(a: datetime, b: datetime, interval: Interval) -> None:
    first, second = interval.floor(a), interval.floor(b)
    assert (interval.window(first) < interval.window(second)) == (first < second)


def test_the_parts_of_a_range() -> None:
    day = timedelta(days=1)
    start, end = START + timedelta(hours=22, minutes=30), START + 3 * day + timedelta(minutes=1)
    assert list(segments(start, end)) == [
        Segment(None, start, START + timedelta(hours=23)),
        Segment(Interval.HOUR, START + timedelta(hours=23), START + day),
        Segment(Interval.DAY, START + day, START + 3 * day),
        Segment(None, START + 3 * day, end),
    ]


@pytest.mark.parametrize("end", [START, START - timedelta(hours=1)])
def test_an_empty_range_has_no_parts(end: datetime) -> None:
    assert list(segments(START, end)) == []
