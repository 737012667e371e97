"""The figures of a run, as JSON and as tables."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.performance.serving.summary import (
    Cell,
    Overload,
    median_cell,
    median_overload,
    spread,
)
from tests.performance.serving.targets import ratios, verdicts


@dataclass
class Results:
    """What the rounds of a run have brought so far."""

    ceiling: list[float] = field(default_factory=list)
    cells: dict[str, dict[int, list[Cell]]] = field(default_factory=dict)
    """Server name to concurrency to one cell for each round."""

    overload: list[Overload] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    """Peers that could not be installed or did not run, and why."""

    settings: dict[str, Any] = field(default_factory=dict)
    """The chosen setting of the ceiling and of each peer."""

    tuning: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """What the settings were chosen from."""

    def add(self, name: str, concurrency: int, cell: Cell) -> None:
        """Record a server's round at one concurrency."""
        self.cells.setdefault(name, {}).setdefault(concurrency, []).append(cell)

    def peak(self, name: str) -> float:
        """Return a server's highest median throughput over all concurrencies, requests a second."""
        return max(
            statistics.median(cell.requests_per_s for cell in rounds)
            for rounds in self.cells[name].values()
        )


def assemble(results: Results, about: dict[str, Any]) -> dict[str, Any]:
    """Return the report: medians over the rounds, their spread, and the ratios of the medians.

    Args:
        results: what was measured.
        about: what it was measured with; becomes part of the report.
    """
    servers = {name: _medians(cells) for name, cells in results.cells.items()}
    overload: dict[str, Any] = {}
    if results.overload:
        peak = results.peak("ours")
        overload = {"peak_per_s": peak, **asdict(median_overload(results.overload))}
    report: dict[str, Any] = {
        "ceiling_per_s": statistics.median(results.ceiling) if results.ceiling else None,
        "ours": servers.pop("ours", {}),
        "peers": servers,
        "peers_absent": results.absent,
        "overload": overload,
        "settings": results.settings,
        "tuning": results.tuning,
        "rounds": {
            "ceiling_per_s": results.ceiling,
            "requests_per_s": {
                name: {
                    str(concurrency): [cell.requests_per_s for cell in rounds]
                    for concurrency, rounds in cells.items()
                }
                for name, cells in results.cells.items()
            },
        },
    }
    found = ratios(report)
    report["ratios"] = found
    report["targets"] = [
        {**asdict(verdict.target), "value": verdict.value, "met": verdict.met}
        for verdict in verdicts(found)
    ]
    return report | about


def write(report: dict[str, Any], path: Path) -> None:
    """Write a report as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def show(report: dict[str, Any], console: Console) -> None:
    """Print the report's tables."""
    console.print(_throughput(report))
    if report["overload"]:
        console.print(_overload(report["overload"]))
    for name, reason in report["peers_absent"].items():
        console.print(f"{name} is absent: {reason}", markup=False)
    console.print(_targets(report["targets"]))


def _medians(cells: dict[int, list[Cell]]) -> dict[str, dict[str, float]]:
    return {
        str(concurrency): {
            **asdict(median_cell(rounds)),
            "spread": spread([cell.requests_per_s for cell in rounds]),
        }
        for concurrency, rounds in sorted(cells.items())
    }


def _throughput(report: dict[str, Any]) -> Table:
    texts = report["texts"]
    table = Table(
        title=f"{report['model']} on {report['machine']['cores']} cores, texts of "
        f"{texts['median']} tokens (median; p95 {texts['p95']}, longest {texts['longest']})",
        title_justify="left",
    )
    table.add_column("", no_wrap=True)
    names = ("at once", "requests/s", "of ceiling", "p50 ms", "p95 ms", "p99 ms")
    for name in (*names, "spread", "errors", "client cores"):
        table.add_column(name, justify="right")
    ceiling = report["ceiling_per_s"]
    if ceiling:
        rounds = report["rounds"]["ceiling_per_s"]
        row = ["raw ONNX Runtime", "", f"{ceiling:.0f}", "1.00", *[""] * 3, f"{spread(rounds):.0%}"]
        table.add_row(*row, end_section=True)
    for name, cells in {"ours": report["ours"], **report["peers"]}.items():
        for index, (concurrency, cell) in enumerate(cells.items()):
            table.add_row(
                "" if index else name,
                concurrency,
                f"{cell['requests_per_s']:.0f}",
                f"{cell['requests_per_s'] / ceiling:.2f}" if ceiling else "",
                *(f"{cell[key]:.1f}" for key in ("p50_ms", "p95_ms", "p99_ms")),
                f"{cell['spread']:.0%}",
                str(cell["errors"]),
                f"{cell['client_cores']:.2f}",
                end_section=index == len(cells) - 1,
            )
    return table


def _overload(overload: dict[str, Any]) -> Table:
    table = Table(title="Ours, offered twice what it can answer", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    refused = ", ".join(f"{status}: {count}" for status, count in overload["refused"].items())
    for name, value in (
        ("offered /s", f"{overload['offered_per_s']:.0f}"),
        ("peak /s", f"{overload['peak_per_s']:.0f}"),
        ("goodput /s", f"{overload['goodput_per_s']:.0f}"),
        (f"accepted and later than {overload['deadline_ms']:.0f} ms", str(overload["missed"])),
        ("p99 of accepted, ms", f"{overload['accepted_p99_ms']:.1f}"),
        ("refused, by status", refused or "none"),
        ("p99 of the client's own delay, ms", f"{overload['client_lag_p99_ms']:.1f}"),
        ("client cores", f"{overload['client_cores']:.2f}"),
    ):
        table.add_row(name, value)
    return table


def _targets(targets: list[dict[str, Any]]) -> Table:
    table = Table(title="Targets", title_justify="left")
    table.add_column("")
    for name in ("measured", "target", ""):
        table.add_column(name, justify="right")
    for entry in targets:
        measured = "not measured" if entry["value"] is None else f"{entry['value']:.3g}"
        limit = f"{entry['sign']} {entry['limit']:g}"
        verdict = "met" if entry["met"] else "" if entry["value"] is None else "missed"
        table.add_row(entry["what"], measured, limit, verdict)
    return table
