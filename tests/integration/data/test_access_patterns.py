"""The registry against the tables: what is there, what each pattern does, and what it costs."""

from typing import Any

import pytest

from customerai.adapters.dynamodb.access_patterns import (
    ACCESS_PATTERNS,
    AccessPattern,
    Consistency,
)
from functions._runner.assembly import Assembly
from tests.integration.conftest import CreateTable
from tests.integration.data.exercises import EXERCISES, Stores, filled, measure

TABLES = ("interactions", "rollups", "idempotency", "settings")


@pytest.fixture(scope="session")
def tables(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """Properties of each table in the templates, by the thing that it holds."""
    kinds = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
    return {
        table.name.removeprefix("customerai-local-"): dict(table.properties)
        for table in assembly.resources(*kinds)
    }


def attributes_of(table: dict[str, Any], index: dict[str, Any]) -> set[str]:
    """What an item has in an index: its keys, the table's, and what is projected."""
    schemas = [*table["KeySchema"], *index["KeySchema"]]
    keys = {key["AttributeName"] for key in schemas}
    return keys | set(index["Projection"].get("NonKeyAttributes", ()))


def test_every_table_and_index_is_read_by_a_pattern(tables: dict[str, dict[str, Any]]) -> None:
    there = {(name, None) for name in tables} | {
        (name, index["IndexName"])
        for name, table in tables.items()
        for index in table.get("GlobalSecondaryIndexes", ())
    }
    read = {(pattern.table, pattern.index) for pattern in ACCESS_PATTERNS}
    assert read == there
    assert not any("LocalSecondaryIndexes" in table for table in tables.values())


@pytest.mark.parametrize(
    "pattern",
    [each for each in ACCESS_PATTERNS if each.index],
    ids=lambda pattern: pattern.name,
)
def test_an_index_holds_what_its_patterns_read(
    tables: dict[str, dict[str, Any]], pattern: AccessPattern
) -> None:
    table = tables[pattern.table]
    (index,) = (
        each for each in table["GlobalSecondaryIndexes"] if each["IndexName"] == pattern.index
    )
    assert pattern.consistency is Consistency.EVENTUAL, "no index can be read strongly"
    # Whatever is not said would be all that there is, of which the index has a part.
    assert pattern.attributes
    assert {*pattern.attributes, *pattern.filters} <= attributes_of(table, index)


@pytest.fixture
async def stores(dynoxide: None, create_table: CreateTable) -> Stores:
    return await filled({thing: await create_table(thing) for thing in TABLES}, 700)


async def test_every_pattern_does_what_it_says_at_its_price(stores: Stores) -> None:
    """All in one test: filling the tables takes longer than reading them."""
    assert set(EXERCISES) == set(ACCESS_PATTERNS)
    for pattern in ACCESS_PATTERNS:
        step = await measure(pattern, stores)
        assert (step.pattern, step.operation) == (pattern.name, pattern.operation)
        assert (step.table, step.index) == (pattern.table, pattern.index), pattern.name
        assert step.strong == (pattern.consistency is Consistency.STRONG), pattern.name
        assert 0 < step.units <= pattern.most_units, pattern.name
        assert 0 < step.scanned <= pattern.items, pattern.name
        if step.scanned == pattern.items:  # what is allowed is not what nothing could exceed
            assert pattern.most_units < 1.5 * step.units, pattern.name


async def test_what_may_be_read_strongly_is_at_twice_the_price(stores: Stores) -> None:
    either = [each for each in ACCESS_PATTERNS if each.consistency is Consistency.EITHER]
    assert either
    for pattern in either:
        step = await measure(pattern, stores, strong=True)
        assert step.strong
        assert step.units <= 2 * pattern.most_units, pattern.name
