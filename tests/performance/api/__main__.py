"""`make bench-api`: what a request costs on its way, each technique beside a named baseline."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from functions._runner.settings import StartError
from tests.performance.api import report
from tests.performance.api.bench import QUICK, Bench, Plan
from tests.performance.api.figures import Measured, MeasurementError
from tests.performance.api.registry import MEASUREMENTS, measurement
from tests.performance.serving import machine

_NOISY = 0.2


def main(arguments: list[str] | None = None) -> int:
    """Measure; return 1 where something could not be or, asked to check, a target is missed."""
    parser = argparse.ArgumentParser(prog="make bench-api ARGS=...", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument(
        "--only", nargs="+", choices=list(MEASUREMENTS), default=list(MEASUREMENTS), metavar="NAME",
        help=", ".join(MEASUREMENTS),
    )  # fmt: skip
    parser.add_argument(
        "--report", type=Path, default=Path(".reports/bench-api.json"),
        help="figures that are not measured this time stay in it",
    )  # fmt: skip
    parser.add_argument("--check", action="store_true", help="exit with 1 where a target is missed")
    asked = parser.parse_args(arguments)
    progress = Console(stderr=True, soft_wrap=True)
    busy = machine.busy_share()
    if busy is not None and busy > _NOISY:
        progress.print(f"others use {busy:.0%} of this machine: don't trust what follows")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(QUICK if asked.quick else Plan(), Path(folder), progress)
        found = {name: _measure(name, bench) for name in asked.only}
    made = [each for each in found.values() if each is not None]
    figures = [figure for each in made for figure in each.figures]
    label = f"{machine.label(machine.describe())}, Python {platform.python_version()}"
    report.write(made, label, asked.report)
    report.show(figures, label, Console(width=None if sys.stdout.isatty() else 160))
    missed = asked.check and any(figure.met is False for figure in figures)
    return int(len(made) < len(found) or missed)


def _measure(name: str, bench: Bench) -> Measured | None:
    """What a measurement finds; None where it can't be made, which is told."""
    began = time.monotonic()
    bench.say(f"{name} …")
    try:
        figures = measurement(name)(bench)
    except (MeasurementError, StartError) as error:
        bench.say(f"{name} was not measured: {error}")
        return None
    bench.say(f"{name}: {time.monotonic() - began:.0f} s")
    return Measured(name, datetime.now(UTC), figures)


if __name__ == "__main__":
    sys.exit(main())
