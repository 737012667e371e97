"""Prototypes, and that they are made once, few and by whichever thread comes first."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from customerai.domain.taxonomy import Topic
from models.topics.prototypes import PrototypeCache, Vectors, prototype

EAST, NORTH = np.eye(3, dtype=np.float32)[:2]


class Letters:
    """Embeds a text by how many a, b and c it has, and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(list(texts))
        counts = np.array([[text.count(letter) for letter in "abc"] for text in texts], np.float32)
        norm = np.linalg.norm(counts, axis=1, keepdims=True)
        return (counts / np.where(norm == 0, 1, norm)).astype(np.float32)


def test_the_label_counts_for_two_examples() -> None:
    point = prototype(EAST, np.stack([NORTH, NORTH]))
    assert point == pytest.approx(np.array([1, 1, 0]) / np.sqrt(2))
    assert prototype(EAST, np.zeros((0, 3), np.float32)) == pytest.approx(EAST)


def test_a_blank_label_without_examples_is_near_nothing() -> None:
    assert not prototype(np.zeros(3, np.float32), np.zeros((0, 3), np.float32)).any()


def test_new_topics_are_embedded_in_one_call_and_only_once() -> None:
    embed = Letters()
    cache = PrototypeCache(embed, 10)
    topics = [Topic("1", "a", ("ab", "aa")), Topic("2", "b", ())]
    first = cache.prototypes(topics)
    assert np.array_equal(cache.prototypes(topics[::-1]), first[::-1])
    assert embed.calls == [["a", "ab", "aa", "b"]]
    assert np.linalg.norm(first, axis=1) == pytest.approx(np.ones(2))


def test_content_counts_and_the_id_does_not() -> None:
    embed = Letters()
    cache = PrototypeCache(embed, 10)
    cache.prototypes([Topic("1", "a", ("b",))])
    cache.prototypes([Topic("other", "a", ("b",))])
    assert len(embed.calls) == 1
    cache.prototypes([Topic("1", "a", ("c",))])
    cache.prototypes([Topic("1", "a b", ())])
    assert len(embed.calls) == 3


def test_what_was_not_used_for_longest_is_forgotten() -> None:
    embed = Letters()
    cache = PrototypeCache(embed, 2)
    a, b, c = (Topic(letter, letter, ()) for letter in "abc")
    cache.prototypes([a])
    cache.prototypes([b])
    cache.prototypes([a])
    cache.prototypes([c])
    assert len(cache) == 2
    cache.prototypes([a, c])
    assert len(embed.calls) == 3
    cache.prototypes([b])
    assert embed.calls[-1] == ["b"]


def test_a_taxonomy_larger_than_the_cache_is_still_answered() -> None:
    cache = PrototypeCache(Letters(), 1)
    points = cache.prototypes([Topic(letter, letter, ()) for letter in "abc"])
    assert np.array_equal(points, np.eye(3, dtype=np.float32))
    assert len(cache) == 1


def test_threads_share_the_cache() -> None:
    cache = PrototypeCache(Letters(), 5)
    taxonomies = [[Topic("x", "abc"[i % 3] * (1 + i % 4), ())] for i in range(200)]
    with ThreadPoolExecutor(8) as pool:
        points = list(pool.map(cache.prototypes, taxonomies))
    expected = [np.eye(3, dtype=np.float32)[i % 3] for i in range(200)]
    assert np.array_equal(np.concatenate(points), np.stack(expected))
    assert len(cache) <= 5
