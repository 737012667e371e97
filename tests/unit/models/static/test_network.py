"""The sums, held against the same thing said plainly."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customerai_static.network import Head, Network, bucket

PIECES, CHANNELS, BUCKETS, WIDTH, HIDDEN = 50, 6, 64, 4, 5
SEQUENCES = st.lists(st.integers(0, PIECES - 1), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def network() -> Network:
    rng = np.random.default_rng(3)
    pieces = rng.integers(-127, 128, (PIECES + 1, 3 * CHANNELS)).astype(np.int8)
    pieces[-1] = 0
    return Network(
        pieces,
        rng.integers(-127, 128, (BUCKETS, WIDTH)).astype(np.int8),
        Head(
            bias=rng.integers(-300, 300, CHANNELS).astype(np.int16),
            scale=rng.uniform(0.001, 0.01, CHANNELS + WIDTH).astype(np.float32),
            inner=rng.normal(size=(CHANNELS + WIDTH, HIDDEN)).astype(np.float32),
            inner_bias=rng.normal(size=HIDDEN).astype(np.float32),
            outer=rng.normal(size=(HIDDEN + WIDTH, 3)).astype(np.float32),
            outer_bias=rng.normal(size=3).astype(np.float32),
        ),
    )


def plainly(network: Network, text: list[int]) -> npt.NDArray[np.float64]:
    """One text's logits, piece by piece and in float64."""
    head, padded = network.head, [PIECES, *text, PIECES]
    rows = network.pieces.astype(np.int64).reshape(-1, 3, CHANNELS)
    channels = sum(
        np.maximum(
            rows[padded[i - 1], 0] + rows[padded[i], 1] + rows[padded[i + 1], 2] + head.bias, 0
        )
        for i in range(1, len(text) + 1)
    )
    of_pairs = network.pairs[bucket(np.array(padded), BUCKETS)].astype(np.int64).sum(0)
    summed = np.concatenate([channels, of_pairs]) * head.scale.astype(np.float64)
    summed /= np.sqrt(len(text))
    hidden = np.maximum(summed @ head.inner + head.inner_bias, 0)
    logits = np.concatenate([hidden, summed[CHANNELS:]]) @ head.outer + head.outer_bias
    return np.asarray(logits, dtype=np.float64)


@settings(deadline=None)
@given(st.lists(SEQUENCES, min_size=1, max_size=6))
def test_logits_are_what_the_description_says(network: Network, texts: list[list[int]]) -> None:
    expected = np.stack([plainly(network, text) for text in texts])
    assert network.logits(texts) == pytest.approx(expected, rel=1e-4, abs=1e-3)


@settings(deadline=None)
@given(st.lists(SEQUENCES, min_size=1, max_size=8), st.randoms())
def test_company_and_order_change_nothing(
    network: Network, texts: list[list[int]], random: st.DataObject
) -> None:
    order = list(range(len(texts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    together = network.logits([texts[row] for row in order])
    for place, row in enumerate(order):
        assert together[place].tobytes() == network.logits([texts[row]])[0].tobytes()


def test_neighbours_matter(network: Network) -> None:
    one_way, the_other = network.logits([[1, 2, 3], [3, 2, 1]])
    assert not np.allclose(one_way, the_other)


@settings(deadline=None)
@given(st.lists(st.integers(0, 30_000), min_size=2, max_size=40))
def test_buckets_are_within_the_table_and_depend_on_the_pair_alone(ids: list[int]) -> None:
    found = bucket(np.array(ids), BUCKETS)
    assert len(found) == len(ids) - 1
    assert np.all((found >= 0) & (found < BUCKETS))
    for place, pair in enumerate(pairwise(ids)):
        assert bucket(np.array(pair), BUCKETS)[0] == found[place]


def test_pairs_spread_over_the_table() -> None:
    """A thousand pieces after one another, in a table of 2 ** 17: hashing at random would leave
    about 4 of the 999 pairs in company."""
    found = bucket(np.arange(1000, 2000), 1 << 17)
    assert len(np.unique(found)) > 980
