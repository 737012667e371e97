"""The raw ceiling: what this machine makes of the artefact when it does nothing else.

Fair means the same work as a server's for each text, from string to label, tokenising included,
and nothing that a server cannot escape: no HTTP, no JSON, no waiting, all texts known beforehand
and sorted by length, no load client on the same cores. One single-threaded session for each core,
in threads of one process or in processes, whichever is faster.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

from tests.performance.serving.processes import ServerError, clean_environment, group

WARM_UP = 0.4
BARE_SHARE = 1 / 3


@dataclass(frozen=True, slots=True)
class RawSetting:
    """How the encoder is run; `batch` and `padding` are those of `raw.groups`."""

    processes: int
    threads: int
    """Of each process, each with a session of its own."""

    batch: int
    padding: float


def settings(cores: int, *, all_of_them: bool) -> list[RawSetting]:
    """Return the settings to try: near-equal sub-batches of 1 to 8, and padded batches of 32."""
    cuts = [(1, 1.0), (2, 1.15), (4, 1.15), (8, 1.15), (32, 1e9)] if all_of_them else [(4, 1.15)]
    layouts = [(1, cores), (cores, 1)] if all_of_them and cores > 1 else [(1, cores)]
    return [
        RawSetting(processes, threads, batch, padding)
        for (processes, threads), (batch, padding) in product(layouts, cuts)
    ]


@contextmanager
def runners(
    folder: Path, texts: Path, processes: int, threads: int, logs: Path
) -> Iterator[list[subprocess.Popen[str]]]:
    """Start processes that wait for `measure`."""
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                group(
                    [
                        sys.executable,
                        "-m",
                        "tests.performance.serving.raw",
                        *(str(folder), str(texts), str(threads)),
                    ],
                    clean_environment(),
                    logs / f"ceiling-{index}.log",
                    piped=True,
                )
            )
            for index in range(processes)
        ]
        for process in started:
            _answer(process)
        yield started


@dataclass(frozen=True, slots=True)
class Rates:
    """Texts a second."""

    per_s: float
    """From string to label: what the target is of."""

    session_per_s: float
    """Of `session.run` alone, the texts tokenised and padded beforehand."""


def measure(
    started: list[subprocess.Popen[str]],
    setting: RawSetting,
    seconds: float,
    *,
    bare: bool = False,
) -> float:
    """Return the texts a second of all processes together."""
    order = {
        "batch": setting.batch,
        "padding": setting.padding,
        "seconds": seconds,
        "bare": bare,
    }
    for process in started:
        assert process.stdin is not None
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
    return sum(float(_answer(process)["per_s"]) for process in started)


def run(folder: Path, texts: Path, setting: RawSetting, seconds: float, logs: Path) -> Rates:
    """Start, measure both rates after a short warm-up, and stop; the bare one gets a third of the
    time, as no target hangs on it."""
    with runners(folder, texts, setting.processes, setting.threads, logs) as started:
        measure(started, setting, min(WARM_UP, seconds))
        per_s = measure(started, setting, seconds)
        return Rates(per_s, measure(started, setting, seconds * BARE_SHARE, bare=True))


def describe(setting: RawSetting) -> dict[str, float]:
    """Return the setting as the report holds it."""
    return asdict(setting)


def _answer(process: subprocess.Popen[str]) -> dict[str, float]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise ServerError(f"the raw encoder ended with {process.wait()}; see its log in .build")
    answer: dict[str, float] = json.loads(line)
    return answer
