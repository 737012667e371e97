"""`make bench-tiers`: what a text costs in each tier, in one run, on one thread.

Each tier does its work as bulk analysis would: it has all texts at once. The encoders tokenise
them, sort them and run near-equal sequences four at a time; the static tier takes them as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.performance.serving import machine
from tests.performance.serving.artifact import load, sentiment_folder
from tests.performance.serving.texts import generate

FULL = "full"
TARGETS = {"fast": 3.0, "static": 30.0}
"""How many times as fast as the tier full a tier has to be."""

_TEXTS = 400
_BATCH = 4
_PADDING = 1.15

Tier = Callable[[Sequence[str]], object]


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians over the rounds."""

    model: str
    texts_per_s: float
    us_per_text: float
    times_full: float | None
    """Speed as a multiple of the tier full's; None where that was not measured."""

    target: float | None
    met: bool | None


def costs(rates: dict[str, list[float]], versions: dict[str, str]) -> dict[str, Cost]:
    """Turn the texts a second of each tier's rounds into the report's figures.

    The ratio is the median of the rounds' own ratios: tiers that ran right after each other saw the
    same machine.
    """
    found: dict[str, Cost] = {}
    for tier, rounds in rates.items():
        rate = statistics.median(rounds)
        times = None
        if FULL in rates:
            times = statistics.median(
                own / full for own, full in zip(rounds, rates[FULL], strict=True)
            )
        target = TARGETS.get(tier)
        met = None if target is None or times is None else times >= target
        found[tier] = Cost(versions[tier], rate, 1e6 / rate, times, target, met)
    return found


def measure(tier: Tier, texts: Sequence[str], seconds: float) -> float:
    """Return texts a second over as many whole passes as it takes to fill `seconds`."""
    started = time.perf_counter()
    passes = 0
    while (elapsed := time.perf_counter() - started) < seconds:
        tier(texts)
        passes += 1
    return passes * len(texts) / elapsed


def main(arguments: list[str] | None = None) -> int:
    """Measure the tiers that are there; return 1 where, asked to check, a target is missed."""
    parser = argparse.ArgumentParser(prog="make bench-tiers ARGS=...", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each tier and round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--texts", type=int, default=_TEXTS, help="how many distinct ones")
    parser.add_argument("--report", type=Path, default=Path(".reports/bench-tiers.json"))
    parser.add_argument("--check", action="store_true", help="exit with 1 where a target is missed")
    asked = parser.parse_args(arguments)
    progress = Console(stderr=True, soft_wrap=True)
    # Before NumPy and the tokenizers are imported, which read it then.
    os.environ |= {
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    tiers, versions, skipped = _load()
    for tier, reason in skipped.items():
        progress.print(f"{tier} is skipped: {reason}", markup=False, highlight=False)
    texts = generate(asked.texts)
    rates: dict[str, list[float]] = {tier: [] for tier in tiers}
    for run in tiers.values():
        run(texts[:_BATCH])
    for index in range(asked.rounds):
        for tier, run in tiers.items():
            rates[tier].append(measure(run, texts, asked.seconds))
            progress.print(
                f"round {index + 1}/{asked.rounds} · {tier}: {rates[tier][-1]:.0f} texts/s",
                highlight=False,
            )
    found = costs(rates, versions)
    report: dict[str, Any] = {
        "tiers": {tier: asdict(cost) for tier, cost in found.items()},
        "skipped": skipped,
        "rounds": rates,
        "texts": len(texts),
        "machine": machine.describe(),
    }
    asked.report.parent.mkdir(parents=True, exist_ok=True)
    asked.report.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    table = _table(found, machine.label(report["machine"]))
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    return int(asked.check and not all(found[t].met for t in TARGETS if t in found))


def _load() -> tuple[dict[str, Tier], dict[str, str], dict[str, str]]:
    """Return each tier that is there and its version, and why others are not."""
    from tests.performance.serving.peers.sentiment import Sentiment
    from tests.performance.serving.raw import label_all

    tiers: dict[str, Tier] = {}
    versions: dict[str, str] = {}
    skipped: dict[str, str] = {}
    for name in (FULL, "fast"):
        folder = sentiment_folder(name)
        if folder is None:
            skipped[name] = "there is no artefact"
            continue
        model = Sentiment(folder, threads=1)
        tiers[name] = lambda texts, model=model: label_all(model, texts, _BATCH, _PADDING)  # type: ignore[misc]
        versions[name] = load(folder).version
    try:
        from customerai_static import StaticArtifactError, StaticSentiment
    except ImportError as error:
        skipped["static"] = str(error)
        return tiers, versions, skipped
    try:
        static = StaticSentiment.load()
    except StaticArtifactError as error:
        skipped["static"] = str(error)
    else:
        tiers["static"] = static.probabilities
        versions["static"] = static.version
    return tiers, versions, skipped


def _table(found: dict[str, Cost], processor: str) -> Table:
    table = Table(title="One thread, in one run", title_justify="left")
    table.add_column("tier")
    table.add_column("model")
    for name in ("texts/s", "µs a text", "times full", "target", ""):
        table.add_column(name, justify="right")
    table.add_column("CPU")
    for tier, cost in found.items():
        table.add_row(
            tier,
            cost.model,
            f"{cost.texts_per_s:.0f}",
            f"{cost.us_per_text:.0f}",
            "" if cost.times_full is None else f"{cost.times_full:.1f}",
            "" if cost.target is None else f"≥ {cost.target:g}",
            "" if cost.met is None else "met" if cost.met else "missed",
            processor,
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
