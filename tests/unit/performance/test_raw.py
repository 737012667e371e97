"""How the raw encoder cuts its work."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.performance.serving.raw import groups

LENGTHS = st.lists(st.integers(2, 128))


@given(LENGTHS, st.integers(1, 8), st.floats(1, 2))
def test_every_row_is_in_one_group_of_near_equal_length(
    lengths: list[int], batch: int, padding: float
) -> None:
    cut = groups(lengths, batch, padding)
    assert sorted(row for rows in cut for row in rows) == list(range(len(lengths)))
    for rows in cut:
        sizes = [lengths[row] for row in rows]
        assert len(rows) <= batch
        assert max(sizes) <= min(sizes) * padding


def test_longest_first_and_full_where_padding_is_free() -> None:
    assert groups([3, 9, 5, 7, 1], batch=2, padding=100.0) == [[1, 3], [2, 0], [4]]
