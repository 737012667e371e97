"""Figures as one table, and as one JSON file."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.performance.api.figures import Figure, Measured


def write(found: Sequence[Measured], machine: str, path: Path) -> None:
    """Write name to value, baseline, ratio and unit, with its measurement and when that was.

    The machine is an entry of its own. Of a report that is there already those entries stay whose
    measurement was not made again, if they are of the same machine.
    """
    described = Figure("machine", None, None, None, "", note=machine).as_json()
    report = _kept(path, described, {each.measurement for each in found})
    for each in found:
        of_it = {
            "measurement": each.measurement,
            "measured_at": each.at.astimezone(UTC).isoformat(timespec="seconds"),
        }
        report |= {figure.name: figure.as_json() | of_it for figure in each.figures}
    report["machine"] = described
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def show(figures: Sequence[Figure], machine: str, console: Console) -> None:
    """Print the table."""
    table = Table(title=f"make bench-api, on {machine}", title_justify="left")
    table.add_column("", overflow="fold")
    for name in ("value", "baseline", "ratio"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("unit", "target", ""):
        table.add_column(name, no_wrap=True)
    table.add_column("note", overflow="fold")
    for figure in figures:
        table.add_row(
            figure.name,
            *map(number, (figure.value, figure.baseline, figure.ratio)),
            figure.unit,
            str(figure.target or ""),
            {None: "", True: "met", False: "missed"}[figure.met],
            figure.note,
        )
    console.print(table, markup=False)


def number(value: float | None) -> str:
    """Three digits that count, or all before the point."""
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _kept(path: Path, machine: Mapping[str, Any], replaced: Collection[str]) -> dict[str, Any]:
    """Entries that say which measurement they are of, which is none of those."""
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    if before.get("machine") != machine:
        return {}
    return {
        name: entry
        for name, entry in before.items()
        if "measurement" in entry and entry["measurement"] not in replaced
    }
