"""Figures as one table, and as one JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.performance.api.figures import Figure


def write(figures: Sequence[Figure], machine: str, path: Path) -> None:
    """Write name to value, baseline, ratio and unit; the machine is an entry of its own."""
    report = {figure.name: figure.as_json() for figure in figures}
    report["machine"] = Figure("machine", None, None, None, "", note=machine).as_json()
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


def entries(path: Path) -> Mapping[str, Any]:
    """Read a report."""
    report: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report
