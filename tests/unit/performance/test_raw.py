"""How the raw encoder cuts its work."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.performance.serving.peers.sentiment import Ids, Sentiment
from tests.performance.serving.raw import Order, groups, measure, passes_per_s

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


class Noted(Sentiment):
    """Stands for an encoder: a text is as many tokens as it has letters, cut into windows of 4."""

    def __init__(self) -> None:
        self.labels = ("bad", "good")
        self.tokenised: list[str] = []
        self.runs: list[tuple[int, ...]] = []

    def tokenise(self, texts: Sequence[str]) -> list[list[list[int]]]:
        self.tokenised += texts
        return [[[1] * len(text[at : at + 4]) for at in range(0, len(text), 4)] for text in texts]

    def run(self, ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
        assert ids.shape == mask.shape
        self.runs.append(ids.shape)
        return np.zeros((len(ids), 2), np.float32)


TEXTS = ["abcdef", "ab", "abcd"]


@pytest.mark.parametrize("bare", [False, True])
def test_the_graph_runs_the_same_with_and_without_what_is_around_it(bare: bool) -> None:
    model = Noted()
    order: Order = {"batch": 2, "padding": 1.0, "seconds": 1e-9, "bare": bare}
    assert measure([model], TEXTS, order) > 0
    # Windows of 4, 2, 2 and 4 tokens, two of a length in each run.
    assert model.runs == [(2, 4), (2, 2)]
    assert model.tokenised == TEXTS


def test_the_bare_graph_tokenises_only_once() -> None:
    model, other = Noted(), Noted()
    measure([model, other], TEXTS, {"batch": 2, "padding": 1.0, "seconds": 0.01, "bare": True})
    assert model.tokenised == TEXTS
    assert other.tokenised == []
    assert len(model.runs) > 2
    assert len(other.runs) > 2


def test_whole_passes_are_counted() -> None:
    passes: list[None] = []
    rate = passes_per_s(lambda: passes.append(None), 0.01)
    assert len(passes) > 1
    assert rate <= len(passes) / 0.01
