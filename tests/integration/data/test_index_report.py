"""`make index-report`: its figures are the database's own, and it fails where it has to."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from customerai.adapters.dynamodb.access_patterns import ACCESS_PATTERNS
from tests.integration.conftest import CreateTable
from tests.performance.index_report import (
    IndexCost,
    PatternCost,
    complaints,
    index_costs,
    show,
)

COST = PatternCost("list", "Query", "things", "by_name", "eventual", 101, 1.5, 2.0, 14.9)
INDEX = IndexCost("by_name", ("list",), 1.0, 1.0)


def test_it_fails_by_what_costs_too_much_and_by_what_nobody_uses() -> None:
    assert complaints([COST, replace(COST, units=2.0)], [INDEX]) == []
    dear, unused = replace(COST, units=2.5), replace(INDEX, patterns=())
    assert complaints([COST, dear], [INDEX, unused]) == [
        "list: costs more than the registry allows",
        "by_name: no pattern uses it",
    ]


@pytest.mark.usefixtures("dynoxide")
async def test_each_index_is_paid_for_when_its_entry_changes(create_table: CreateTable) -> None:
    indexes = sorted({each.index for each in ACCESS_PATTERNS if each.index})
    table, *costs = await index_costs(await create_table("interactions"), indexes)
    assert table.stored >= 1
    by_name = {each.index: (each.stored, each.analysed) for each in costs}
    assert by_name == {
        "by_channel": (1.0, 1.0),  # its entry shows the sentiment
        "by_customer": (1.0, 1.0),
        "by_sentiment": (0.0, 1.0),  # sparse: there is no entry before the analysis
        "pending": (1.0, 1.0),  # and none after it
    }
    assert all(each.patterns for each in costs)


def test_the_table_shows_every_figure() -> None:
    printed = io.StringIO()
    show([COST], [INDEX], Console(file=printed, width=120))
    for figure in ("by_name", "eventual", "101", "1.5", "14.9", "list"):
        assert figure in printed.getvalue()
