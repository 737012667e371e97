"""Pages over any number of shards, beside a plain sort of all rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai.adapters.dynamodb.newest_first import newest_first
from customerai.adapters.dynamodb.reads import ItemPage, Text
from customerai.adapters.dynamodb.stored_interaction import StoredInteraction
from customerai.domain.ids import make_id
from customerai.domain.shards import rendezvous

MOST_PAGES = 8
START = datetime(2026, 11, 20, tzinfo=UTC)


@dataclass
class Shard:
    """Ids under one key, newest first. As in DynamoDB an answer holds as much as fits into it, a
    condition leaves out what was read, and only an answer that is not full is known for the last.
    """

    ids: Sequence[str]
    fits: int = 1_000
    left_out: frozenset[str] = frozenset()
    place: int = 0
    read: list[int] = field(default_factory=list)

    async def next(self, size: int) -> ItemPage[StoredInteraction]:
        most = min(size, self.fits)
        ids = self.ids[self.place : self.place + most]
        self.place += len(ids)
        self.read.append(len(ids))
        return ItemPage(
            [StoredInteraction(Text(each)) for each in ids if each not in self.left_out],
            ids[-1] if len(ids) == most else None,
        )


def name(number: int) -> str:
    """Names sort as the numbers do."""
    return f"{number:06}"


@st.composite
def spread(draw: st.DrawFn) -> list[list[str]]:
    """The ids of 1 to 16 shards: mixed, or in runs that lie on one shard each."""
    count = draw(st.integers(1, 16))
    runs = st.lists(st.tuples(st.integers(0, count - 1), st.integers(1, 50)), max_size=16)
    owners = [shard for shard, length in draw(runs) for _ in range(length)]
    if draw(st.booleans()):
        draw(st.randoms(use_true_random=False)).shuffle(owners)
    shards: list[list[str]] = [[] for _ in range(count)]
    for number, owner in reversed(list(enumerate(owners))):
        shards[owner].append(name(number))
    return shards


def older(ids: Sequence[str], after: str | None) -> list[str]:
    return [each for each in ids if after is None or each < after]


@given(spread(), st.integers(1, 60))
async def test_each_page_is_that_of_a_plain_sort_in_two_rounds_at_the_most(
    ids: list[list[str]], limit: int
) -> None:
    expected = sorted((each for shard in ids for each in shard), reverse=True)
    after = None
    while True:
        shards = [Shard(older(each, after)) for each in ids]
        page = await newest_first(shards, limit, page_size=None, most_pages=MOST_PAGES)
        left = older(expected, after)
        found = [item.id.value for item in page.items]
        assert found == left[:limit]
        assert page.reached == (found[-1] if len(left) > limit else None)
        assert max(len(shard.read) for shard in shards) <= 2
        assert max(sum(shard.read) for shard in shards) <= limit + 1
        if page.reached is None:
            return
        after = page.reached


@given(spread(), st.integers(1, 60), st.integers(1, 40), st.data())
async def test_small_answers_and_conditions_neither_lose_nor_repeat(
    ids: list[list[str]], limit: int, fits: int, data: st.DataObject
) -> None:
    """And no page takes more effort than it may, so some are short."""
    everything = sorted((each for shard in ids for each in shard), reverse=True)
    kept = data.draw(st.integers(1, 20), "one row in so many is kept")
    left_out = frozenset(each for each in everything if int(each) % kept)
    page_size = data.draw(st.integers(1, 30), "rows a page") if left_out else None
    seen: list[str] = []
    after = None
    while True:
        shards = [Shard(older(each, after), fits, left_out) for each in ids]
        page = await newest_first(shards, limit, page_size=page_size, most_pages=MOST_PAGES)
        assert len(page.items) <= limit
        assert max(len(shard.read) for shard in shards) <= MOST_PAGES
        seen += [item.id.value for item in page.items]
        if page.reached is None:
            break
        assert after is None or page.reached < after
        after = page.reached
    assert seen == [each for each in everything if each not in left_out]


@pytest.mark.parametrize(("count", "limit", "most"), [(8, 100, 0.3), (16, 100, 0.2), (8, 20, 0.6)])
async def test_of_shards_that_are_even_hardly_more_than_a_page_is_read(
    count: int, limit: int, most: float
) -> None:
    """Beside a page of each; and hardly ever is any of them asked twice."""
    ids = [make_id(START + timedelta(seconds=n), n.to_bytes(10)) for n in range(4_000, 0, -1)]
    owners = {each: rendezvous(each, count) for each in ids}
    rows = pages = again = 0
    after = None
    while True:
        shards = [
            Shard([each for each in older(ids, after) if owners[each] == shard])
            for shard in range(count)
        ]
        page = await newest_first(shards, limit, page_size=None, most_pages=MOST_PAGES)
        pages += 1
        rows += sum(sum(shard.read) for shard in shards)
        again += any(len(shard.read) > 1 for shard in shards[:-1]) and page.reached is not None
        if page.reached is None:
            break
        after = page.reached
    assert rows <= most * pages * count * (limit + 1)
    assert again <= pages / 20


async def test_only_those_that_may_hold_more_of_the_page_are_asked_again() -> None:
    """Of four shards the newest rows all lie on the second, and the next newest on the fourth."""
    ids = [[name(n) for n in range(1_000 * high + 200, 1_000 * high, -1)] for high in (1, 9, 2, 3)]
    shards = [Shard(each) for each in ids]
    page = await newest_first(shards, 100, page_size=None, most_pages=MOST_PAGES)
    assert [item.id.value for item in page.items] == ids[1][:100]
    assert [len(shard.read) for shard in shards] == [1, 2, 1, 2]
    assert sum(shards[1].read) == 101
    assert sum(sum(shard.read) for shard in shards) < 300
