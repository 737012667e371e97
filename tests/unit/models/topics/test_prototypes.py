"""Prototypes, and that they are made once and few."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from customerai.domain.taxonomy import Topic
from models.topics.prototypes import PrototypeCache, Vectors, prototype

EAST, NORTH = np.eye(3, dtype=np.float32)[:2]


class Letters:
    """Embeds a text by how many a, b and c it has, and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    async def __call__(self, texts: Sequence[str]) -> Vectors:
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


async def test_new_topics_are_embedded_in_one_call_and_only_once() -> None:
    embed = Letters()
    cache = PrototypeCache(10)
    topics = [Topic("1", "a", ("ab", "aa")), Topic("2", "b", ())]
    first = await cache.prototypes(topics, embed)
    assert np.array_equal(await cache.prototypes(topics[::-1], embed), first[::-1])
    assert embed.calls == [["a", "ab", "aa", "b"]]
    assert np.linalg.norm(first, axis=1) == pytest.approx(np.ones(2))


async def test_content_counts_and_the_id_does_not() -> None:
    embed = Letters()
    cache = PrototypeCache(10)
    await cache.prototypes([Topic("1", "a", ("b",))], embed)
    await cache.prototypes([Topic("other", "a", ("b",))], embed)
    assert len(embed.calls) == 1
    await cache.prototypes([Topic("1", "a", ("c",))], embed)
    await cache.prototypes([Topic("1", "a b", ())], embed)
    assert len(embed.calls) == 3


async def test_what_was_not_used_for_longest_is_forgotten() -> None:
    embed = Letters()
    cache = PrototypeCache(2)
    a, b, c = (Topic(letter, letter, ()) for letter in "abc")
    await cache.prototypes([a], embed)
    await cache.prototypes([b], embed)
    await cache.prototypes([a], embed)
    await cache.prototypes([c], embed)
    assert len(cache) == 2
    await cache.prototypes([a, c], embed)
    assert len(embed.calls) == 3
    await cache.prototypes([b], embed)
    assert embed.calls[-1] == ["b"]


async def test_a_taxonomy_larger_than_the_cache_is_still_answered() -> None:
    cache = PrototypeCache(1)
    points = await cache.prototypes([Topic(letter, letter, ()) for letter in "abc"], Letters())
    assert np.array_equal(points, np.eye(3, dtype=np.float32))
    assert len(cache) == 1


async def test_requests_that_ask_at_once_both_get_theirs() -> None:
    embed = Letters()
    cache = PrototypeCache(5)
    topics = [Topic("1", "a", ())]
    one, other = await asyncio.gather(
        cache.prototypes(topics, embed), cache.prototypes(topics, embed)
    )
    assert np.array_equal(one, other)
    assert len(cache) == 1
