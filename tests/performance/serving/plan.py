"""What a run does: which servers, how long, how often."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from tests.performance.serving.environments import REQUIREMENTS

CEILING = "ceiling"
OURS = "ours"
NAMES = (CEILING, OURS, *REQUIREMENTS)


@dataclass(frozen=True, slots=True)
class Plan:
    """Times are in seconds."""

    only: tuple[str, ...] = NAMES
    concurrency: tuple[int, ...] = (1, 8, 32, 128)
    beyond: tuple[int, ...] = (256, 512)
    """Where ours is measured besides, only to find its peak."""

    seconds: float = 2.5
    """Measured time of each server at each concurrency in each round."""

    warm_up: float = 0.4
    rounds: int = 3
    tuning_seconds: float = 1.5
    """For each setting; 0 takes the first setting untried."""

    overload_seconds: float = 6.0
    deadline: float = 1.0
    """Of each request at 2x saturation, sent along with it."""

    texts: int = 400
    texts_file: Path | None = None
    artifact: Path | None = None
    report: Path = Path(".reports/bench-serving.json")
    check: bool = False

    def warm_up_at(self, concurrency: int) -> float:
        """Return the seconds before what is measured at a concurrency.

        A queue has to be gone through once before it is steady: until then a server that takes the
        short texts first looks faster than it is. Requests come at some hundreds a second or more.
        """
        return self.warm_up + concurrency / 512

    @property
    def peers(self) -> list[str]:
        """The peers to measure."""
        return [name for name in REQUIREMENTS if name in self.only]


_QUICK = Plan(
    concurrency=(1, 32),
    beyond=(),
    seconds=1.0,
    rounds=1,
    tuning_seconds=0.0,
    overload_seconds=2.0,
    texts=64,
)


def parse(arguments: list[str] | None) -> Plan:
    """Return what the command line asks for; leaves with a message where it can't be."""
    parser = argparse.ArgumentParser(
        prog="make bench-serving ARGS=...", description=__doc__, allow_abbrev=False
    )
    default = Plan()
    parser.add_argument("--quick", action="store_true", help="do it all once, too briefly to trust")
    parser.add_argument("--seconds", type=_positive, help="for each server and concurrency")
    parser.add_argument("--rounds", type=_count)
    parser.add_argument("--tuning-seconds", type=_positive, help="for each setting tried")
    parser.add_argument("--only", type=_names, default=default.only, help=",".join(NAMES))
    parser.add_argument("--concurrency", type=_counts, help="such as 1,8,32,128")
    parser.add_argument("--deadline-ms", type=_positive, default=default.deadline * 1e3)
    parser.add_argument("--texts", type=Path, metavar="FILE.parquet", help="with a column text")
    parser.add_argument("--artifact", type=Path, help="the folder of what our server serves")
    parser.add_argument("--report", type=Path, default=default.report)
    parser.add_argument("--check", action="store_true", help="exit with 1 where a target is missed")
    asked = parser.parse_args(arguments)
    if asked.quick and asked.check:
        parser.error("--quick takes every peer's first setting untried: it cannot be checked")
    base = _QUICK if asked.quick else default
    return Plan(
        only=asked.only,
        concurrency=asked.concurrency or base.concurrency,
        beyond=base.beyond,
        seconds=asked.seconds or base.seconds,
        warm_up=base.warm_up,
        rounds=asked.rounds or base.rounds,
        tuning_seconds=asked.tuning_seconds or base.tuning_seconds,
        overload_seconds=2 * asked.seconds if asked.seconds else base.overload_seconds,
        texts=base.texts,
        deadline=asked.deadline_ms / 1e3,
        texts_file=asked.texts,
        artifact=asked.artifact,
        report=asked.report,
        check=asked.check,
    )


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _counts(text: str) -> tuple[int, ...]:
    return tuple(sorted({_count(part) for part in text.split(",")}))


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := set(names) - set(NAMES):
        raise argparse.ArgumentTypeError(
            f"{', '.join(sorted(unknown))}: not among {', '.join(NAMES)}"
        )
    return names
