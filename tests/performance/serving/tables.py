"""The report as tables; each row says what it was measured on."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from tests.performance.serving import machine
from tests.performance.serving.summary import spread


def show(report: dict[str, Any], console: Console) -> None:
    """Print the report's tables."""
    on = (report["model"], machine.label(report["machine"]))
    console.print(_throughput(report, on))
    if report["overload"]:
        console.print(_overload(report["overload"], on))
        console.print(_classes(report["overload"], on))
    for name, reason in report["peers_absent"].items():
        console.print(f"{name} is absent: {reason}", markup=False)
    for what in report["trouble"]:
        console.print(what, markup=False)
    console.print(_targets(report["targets"], on))


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first, no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right")
    table.add_column("artefact", no_wrap=True)
    table.add_column("CPU", no_wrap=True)
    return table


def _throughput(report: dict[str, Any], on: tuple[str, str]) -> Table:
    texts = report["texts"]
    table = _table(
        f"Texts of {texts['median']} tokens (median; p95 {texts['p95']}, longest "
        f"{texts['longest']}); ceiling: from string to label, normalising and tokenising included",
        "",
        *("at once", "requests/s", "of ceiling", "p50 ms", "p95 ms", "p99 ms"),
        *("spread", "errors", "client cores", "setting"),
    )
    ceiling = report["ceiling_per_s"]
    for name, key in (
        ("ceiling: tokenising + session.run", "ceiling_per_s"),
        ("session.run alone", "session_run_per_s"),
    ):
        rounds = report["rounds"][key]
        if rounds and ceiling:
            share = f"{report[key] / ceiling:.2f}"
            row = ["", f"{report[key]:.0f}", share, *[""] * 3, f"{spread(rounds):.0%}"]
            table.add_row(name, *row, *[""] * 3, *on, end_section=key != "ceiling_per_s")
    ours = {**report["ours"], **report["ours_beyond"]}
    for name, cells in {"ours": ours, **report["peers"]}.items():
        for index, (concurrency, cell) in enumerate(cells.items()):
            table.add_row(
                name,
                concurrency,
                f"{cell['requests_per_s']:.0f}",
                f"{cell['requests_per_s'] / ceiling:.2f}" if ceiling else "",
                *(f"{cell[key]:.1f}" for key in ("p50_ms", "p95_ms", "p99_ms")),
                f"{cell['spread']:.0%}",
                str(cell["errors"]),
                f"{cell['client_cores']:.2f}",
                cell["setting"],
                *on,
                end_section=index == len(cells) - 1,
            )
    return table


def _overload(overload: dict[str, Any], on: tuple[str, str]) -> Table:
    table = _table("Ours, offered twice what it can answer", "", "")
    peak, tokens = overload["peak_per_s"], overload["peak_tokens_per_s"]
    goodput, of_tokens = overload["goodput_per_s"], overload["goodput_tokens_per_s"]
    deadline = f"{overload['deadline_ms']:.0f} ms"
    for name, value in (
        ("offered /s", f"{overload['offered_per_s']:.0f}"),
        ("peak /s", f"{peak:.0f}"),
        ("goodput /s, of the peak", f"{goodput:.0f}, {goodput / peak:.2f}"),
        ("goodput tokens/s, of the peak", f"{of_tokens:.0f}, {of_tokens / tokens:.2f}"),
        ("refused, by status", _counts(overload["refused"])),
        ("accepted and not answered in time", _counts(overload["broken"])),
        (f"later than {deadline} after it was sent", str(overload["late_by_sent"])),
        (f"later than {deadline} after it was due", str(overload["late_by_intended"])),
        ("p99 of accepted, ms", f"{overload['accepted_p99_ms']:.1f}"),
        ("p99 of the client's own delay, ms", f"{overload['client_lag_p99_ms']:.1f}"),
        ("most requests under way", str(overload["most_under_way"])),
        ("client cores", f"{overload['client_cores']:.2f}"),
    ):
        table.add_row(name, value, *on)
    return table


def _classes(overload: dict[str, Any], on: tuple[str, str]) -> Table:
    table = _table("By length of the text", "tokens", "offered", "in time", "refused", "broken")
    for entry in overload["classes"]:
        offered = max(entry["offered"], 1)
        in_time, refused = entry["in_time"] / offered, entry["refused"] / offered
        table.add_row(
            f"≤ {entry['most_tokens']}",
            str(entry["offered"]),
            f"{in_time:.0%}",
            f"{refused:.0%}",
            str(entry["offered"] - entry["in_time"] - entry["refused"]),
            *on,
        )
    return table


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counts.items()) or "none"


def _targets(targets: list[dict[str, Any]], on: tuple[str, str]) -> Table:
    table = _table("Targets", "", "measured", "target", "")
    for entry in targets:
        measured = "not measured" if entry["value"] is None else f"{entry['value']:.3g}"
        limit = f"{entry['sign']} {entry['limit']:g}"
        verdict = "met" if entry["met"] else "" if entry["value"] is None else "missed"
        table.add_row(entry["what"], measured, limit, verdict, *on)
    return table
