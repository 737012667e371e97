"""The figures of a run, as JSON."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.performance.serving.plan import OURS
from tests.performance.serving.results import Results, Rounds, best
from tests.performance.serving.saturation import median_overload
from tests.performance.serving.summary import median_cell, spread
from tests.performance.serving.targets import ratios, verdicts


def assemble(results: Results, about: dict[str, Any]) -> dict[str, Any]:
    """Return the report: medians over the rounds, their spread, and the ratios of the medians.

    Args:
        results: what was measured.
        about: what it was measured with; becomes part of the report. Where its `options` name a
            `concurrency`, what ours brought at others is not among `ours` but in `ours_beyond`.
    """
    servers = {name: _medians(cells) for name, cells in results.cells.items()}
    ours = servers.pop(OURS, {})
    asked = about.get("options", {}).get("concurrency")
    common = ours.keys() if asked is None else {str(concurrency) for concurrency in asked}
    report: dict[str, Any] = {
        "failed": results.failed,
        "ceiling_per_s": statistics.median(results.ceiling) if results.ceiling else None,
        "session_run_per_s": statistics.median(results.session) if results.session else None,
        "ours": {concurrency: cell for concurrency, cell in ours.items() if concurrency in common},
        "ours_beyond": {key: cell for key, cell in ours.items() if key not in common},
        "peers": servers,
        "peers_absent": results.absent,
        "trouble": results.trouble,
        "overload": _overload(results),
        "settings": results.settings,
        "tuning": results.tuning,
        "rounds": {
            "ceiling_per_s": results.ceiling,
            "session_run_per_s": results.session,
            "requests_per_s": {
                name: {
                    str(concurrency): [cell.requests_per_s for cell in _shown(rounds, concurrency)]
                    for concurrency, rounds in cells.items()
                }
                for name, cells in results.cells.items()
            },
            "overload": [asdict(entry) for entry in results.overload],
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


def _shown(rounds: Rounds, concurrency: int) -> list[Any]:
    return rounds[best(rounds, concurrency)]


def _medians(cells: dict[int, Rounds]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for concurrency, rounds in sorted(cells.items()):
        setting = best(rounds, concurrency)
        found[str(concurrency)] = {
            **asdict(median_cell(rounds[setting])),
            "spread": spread([cell.requests_per_s for cell in rounds[setting]]),
            "setting": setting,
        }
    return found


def _overload(results: Results) -> dict[str, Any]:
    if not results.overload:
        return {}
    seen = median_overload(results.overload)
    return {
        "peak_per_s": results.peak().requests_per_s,
        "peak_tokens_per_s": results.peak_tokens(),
        **asdict(seen),
        "late_by_sent": seen.late_by_sent,
        "broken_promises": sum(seen.broken.values()),
    }
