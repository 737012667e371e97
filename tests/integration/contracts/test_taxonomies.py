"""What ``Taxonomies`` promises, held against every adapter."""

import asyncio

import pytest

from customerai.adapters.dynamodb.taxonomies import DynamoDBTaxonomies
from customerai.adapters.memory.taxonomies import MemoryTaxonomies
from customerai.domain.errors import VersionConflictError
from customerai.domain.taxonomy import Taxonomy, Topic
from customerai.ports import Taxonomies
from tests.integration.conftest import CreateTable

FIRST = Taxonomy.of(
    [
        Topic("poles", "Poles \U0001f3d5", ("A pole arrived bent.", 'Said "no" \\ \x00 never.')),
        Topic("bags", "Bags", ()),
    ]
)
SECOND = Taxonomy.of([Topic("tents", "Tents", ("It leaks.",))])


@pytest.fixture
async def taxonomies(backend: str, create_table: CreateTable) -> Taxonomies:
    if backend == "memory":
        return MemoryTaxonomies()
    return DynamoDBTaxonomies(await create_table("settings"))


async def test_what_is_stored_is_had_back_whole(taxonomies: Taxonomies) -> None:
    assert await taxonomies.get("acme") is None
    assert await taxonomies.version("acme") is None
    await taxonomies.replace("acme", FIRST, None)
    assert await taxonomies.get("acme") == FIRST
    assert await taxonomies.version("acme") == FIRST.version
    await taxonomies.replace("acme", SECOND, FIRST.version)
    assert await taxonomies.get("acme") == SECOND


@pytest.mark.parametrize("expected", [None, SECOND.version, ""])
async def test_another_version_is_not_replaced(
    taxonomies: Taxonomies, expected: str | None
) -> None:
    await taxonomies.replace("acme", FIRST, None)
    with pytest.raises(VersionConflictError):
        await taxonomies.replace("acme", SECOND, expected)
    assert await taxonomies.get("acme") == FIRST


async def test_where_there_is_none_no_version_is_replaced(taxonomies: Taxonomies) -> None:
    with pytest.raises(VersionConflictError):
        await taxonomies.replace("acme", SECOND, FIRST.version)
    assert await taxonomies.get("acme") is None


async def test_tenants_are_apart(taxonomies: Taxonomies) -> None:
    await taxonomies.replace("acme", FIRST, None)
    assert await taxonomies.get("acme2") is None
    await taxonomies.replace("acme2", SECOND, None)
    assert (await taxonomies.get("acme"), await taxonomies.get("acme2")) == (FIRST, SECOND)


async def test_of_replacements_at_once_one_wins(taxonomies: Taxonomies) -> None:
    made = [Taxonomy.of([Topic(f"t-{n}", "T", ())]) for n in range(8)]

    async def attempt(taxonomy: Taxonomy) -> bool:
        try:
            await taxonomies.replace("acme", taxonomy, None)
        except VersionConflictError:
            return False
        return True

    won = await asyncio.gather(*map(attempt, made))
    assert won.count(True) == 1
    assert await taxonomies.get("acme") == made[won.index(True)]


async def test_the_largest_one_is_stored(taxonomies: Taxonomies) -> None:
    largest = Taxonomy.of(
        Topic(f"{n:0>64}", "\U0001f642" * 40, ("\U0001f642" * 43,) * 20) for n in range(100)
    )
    await taxonomies.replace("acme", largest, None)
    assert await taxonomies.get("acme") == largest
