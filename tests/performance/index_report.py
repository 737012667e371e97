"""`make index-report`: what each access pattern reads and each index adds to a write, in units.

Measured on dynoxide, which counts capacity units as DynamoDB does, with interactions like those of
a customer who explains. No times: those are another machine's matter.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from customerai.adapters import aws
from customerai.adapters.aws.errors import TransportError
from customerai.adapters.dynamodb.access_patterns import (
    ACCESS_PATTERNS,
    AccessPattern,
    Consistency,
)
from functions._runner.assembly import load_assembly
from functions._runner.lifeline import die_with
from functions._runner.platform import dynoxide_binary
from functions._runner.resources import table_request
from functions._runner.settings import Settings
from tests.integration.data.exercises import Stores, filled, measure
from tests.performance.api.items import interactions, pending, size

REPORT = Path(".reports") / "index-report.json"
_PREFIX = "customerai-local-"
_INTERACTIONS = "interactions"


@dataclass(frozen=True, slots=True)
class PatternCost:
    """One call of a pattern. ``most_units`` is what the registry allows it; ``units_per_1000`` are
    for so many items that it went through, whether it returned them or not."""

    pattern: str
    operation: str
    table: str
    index: str | None
    consistency: str
    items: int
    units: float
    most_units: float
    units_per_1000: float

    @property
    def met(self) -> bool:
        return self.units <= self.most_units


@dataclass(frozen=True, slots=True)
class IndexCost:
    """Write units that an index adds when an interaction is stored, and when its analysis is."""

    index: str
    patterns: tuple[str, ...]
    stored: float
    analysed: float


async def pattern_costs(stores: Stores) -> list[PatternCost]:
    costs = []
    for pattern in ACCESS_PATTERNS:
        costs.append(await _cost(pattern, stores, strong=False))
        if pattern.consistency is Consistency.EITHER:
            costs.append(await _cost(pattern, stores, strong=True))
    return costs


async def _cost(pattern: AccessPattern, stores: Stores, *, strong: bool) -> PatternCost:
    step = await measure(pattern, stores, strong=strong)
    return PatternCost(
        pattern=step.pattern,
        operation=step.operation,
        table=step.table,
        index=step.index,
        consistency=Consistency.STRONG if step.strong else Consistency.EVENTUAL,
        items=step.scanned,
        units=step.units,
        most_units=pattern.most_units * (2 if strong else 1),
        units_per_1000=round(step.units / max(step.scanned, 1) * 1_000, 1),
    )


async def index_costs(table: str, indexes: Sequence[str]) -> list[IndexCost]:
    """Of the table itself first. An analysed item is put in the place of one that waits for it,
    which costs what the update does."""
    (analysed,) = interactions(1, "written")
    stored = await _write_units(table, pending(analysed))
    changed = await _write_units(table, analysed)
    by_index = {
        name: tuple(each.name for each in ACCESS_PATTERNS if each.index == name) for name in indexes
    }
    of_table = tuple(
        each.name for each in ACCESS_PATTERNS if (each.table, each.index) == (_INTERACTIONS, None)
    )
    return [
        IndexCost("(table)", of_table, stored[""], changed[""]),
        *(
            IndexCost(name, names, stored.get(name, 0.0), changed.get(name, 0.0))
            for name, names in by_index.items()
        ),
    ]


async def _write_units(table: str, item: dict[str, dict[str, Any]]) -> dict[str, float]:
    """By index; those of the table itself under no name."""
    request = {"TableName": table, "Item": item, "ReturnConsumedCapacity": "INDEXES"}
    consumed = (await aws.dynamodb().call("PutItem", request))["ConsumedCapacity"]
    of_indexes = consumed.get("GlobalSecondaryIndexes", {})
    return {
        "": consumed["Table"]["CapacityUnits"],
        **{name: each["CapacityUnits"] for name, each in of_indexes.items()},
    }


@contextlib.contextmanager
def database() -> Iterator[None]:
    """A dynoxide of our own, where the platform's adapters look for DynamoDB."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(database_port=port)
    os.environ.update(settings.aws_environment())
    here = os.getpid()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.db"
        command = [str(dynoxide_binary()), "serve", "--port", str(port), "--db-path", str(path)]
        process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: die_with(here),
        )
        try:
            yield
        finally:
            process.kill()
            process.wait()


async def _create_tables() -> dict[str, Mapping[str, Any]]:
    """Those of the local stage's templates, by the thing that each holds."""
    assembly = load_assembly(replace(Settings.from_environment({}), port=1))
    kinds = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
    requests = {table.name: table_request(table.properties) for table in assembly.resources(*kinds)}
    deadline = time.monotonic() + 10
    for name, request in requests.items():
        while True:
            try:
                await aws.dynamodb().call("CreateTable", {"TableName": name, **request})
                break
            except TransportError:  # it is still starting
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.05)
    return {name.removeprefix(_PREFIX): request for name, request in requests.items()}


async def report(count: int) -> tuple[list[PatternCost], list[IndexCost]]:
    """Fill the tables with so many interactions and measure."""
    tables = await _create_tables()
    stores = await filled({thing: _PREFIX + thing for thing in tables}, count)
    indexes = [each["IndexName"] for each in tables[_INTERACTIONS]["GlobalSecondaryIndexes"]]
    found = await pattern_costs(stores), await index_costs(_PREFIX + _INTERACTIONS, indexes)
    aws.forget()
    return found


def show(costs: Sequence[PatternCost], indexes: Sequence[IndexCost], console: Console) -> None:
    reads = Table(title="Access patterns, one call each", title_justify="left")
    for heading in ("pattern", "operation", "index", "consistency"):
        reads.add_column(heading)
    for heading in ("items", "read units", "at most", "per 1,000 items"):
        reads.add_column(heading, justify="right")
    for cost in costs:
        reads.add_row(
            cost.pattern,
            cost.operation,
            cost.index or f"({cost.table})",
            cost.consistency,
            str(cost.items),
            f"{cost.units:g}" if cost.met else f"[bold red]{cost.units:g}[/]",
            f"{cost.most_units:g}",
            f"{cost.units_per_1000:g}",
        )
    writes = Table(title="Indexes of the interactions, write units", title_justify="left")
    writes.add_column("index")
    writes.add_column("used by")
    for heading in ("when stored", "when analysed"):
        writes.add_column(heading, justify="right")
    for index in indexes:
        writes.add_row(
            index.index, ", ".join(index.patterns), f"{index.stored:g}", f"{index.analysed:g}"
        )
    console.print(reads, writes)


def complaints(costs: Sequence[PatternCost], indexes: Sequence[IndexCost]) -> list[str]:
    """What is not as it has to be, one line each."""
    dear = [
        f"{cost.pattern}: costs more than the registry allows" for cost in costs if not cost.met
    ]
    unused = [f"{index.index}: no pattern uses it" for index in indexes if not index.patterns]
    return dear + unused


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where a pattern costs more than the registry allows, or an index has no pattern."""
    described = argparse.ArgumentParser(prog="make index-report", description=__doc__)
    described.add_argument("--interactions", type=int, default=5_000, help="stored ones (5000)")
    options = described.parse_args(arguments)
    with database():
        costs, indexes = asyncio.run(report(options.interactions))
    show(costs, indexes, Console(width=None if sys.stdout.isatty() else 120))
    sizes = [size(item) for item in interactions(100)]
    written = {
        "interactions": options.interactions,
        "item_bytes": round(sum(sizes) / len(sizes)),
        "patterns": [asdict(cost) | {"met": cost.met} for cost in costs],
        "indexes": [asdict(index) for index in indexes],
    }
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(written, indent=2) + "\n")
    print(f"{REPORT} written; an interaction has {written['item_bytes']} bytes")
    found = complaints(costs, indexes)
    for complaint in found:
        print(complaint, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
