"""What ``Taxonomies`` promises, held against every adapter."""

from concurrent.futures import ThreadPoolExecutor

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
def taxonomies(backend: str, create_table: CreateTable) -> Taxonomies:
    return (
        MemoryTaxonomies() if backend == "memory" else DynamoDBTaxonomies(create_table("settings"))
    )


def test_what_is_stored_is_had_back_whole(taxonomies: Taxonomies) -> None:
    assert taxonomies.get("acme") is None
    taxonomies.replace("acme", FIRST, None)
    assert taxonomies.get("acme") == FIRST
    taxonomies.replace("acme", SECOND, FIRST.version)
    assert taxonomies.get("acme") == SECOND


@pytest.mark.parametrize("expected", [None, SECOND.version, ""])
def test_another_version_is_not_replaced(taxonomies: Taxonomies, expected: str | None) -> None:
    taxonomies.replace("acme", FIRST, None)
    with pytest.raises(VersionConflictError):
        taxonomies.replace("acme", SECOND, expected)
    assert taxonomies.get("acme") == FIRST


def test_where_there_is_none_no_version_is_replaced(taxonomies: Taxonomies) -> None:
    with pytest.raises(VersionConflictError):
        taxonomies.replace("acme", SECOND, FIRST.version)
    assert taxonomies.get("acme") is None


def test_tenants_are_apart(taxonomies: Taxonomies) -> None:
    taxonomies.replace("acme", FIRST, None)
    assert taxonomies.get("acme2") is None
    taxonomies.replace("acme2", SECOND, None)
    assert (taxonomies.get("acme"), taxonomies.get("acme2")) == (FIRST, SECOND)


def test_of_replacements_at_once_one_wins(taxonomies: Taxonomies) -> None:
    made = [Taxonomy.of([Topic(f"t-{n}", "T", ())]) for n in range(8)]

    def attempt(taxonomy: Taxonomy) -> bool:
        try:
            taxonomies.replace("acme", taxonomy, None)
        except VersionConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(attempt, made))
    assert won.count(True) == 1
    assert taxonomies.get("acme") == made[won.index(True)]


def test_the_largest_one_is_stored(taxonomies: Taxonomies) -> None:
    largest = Taxonomy.of(
        Topic(f"{n:0>64}", "\U0001f642" * 40, ("\U0001f642" * 43,) * 20) for n in range(100)
    )
    taxonomies.replace("acme", largest, None)
    assert taxonomies.get("acme") == largest
