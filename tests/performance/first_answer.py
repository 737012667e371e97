"""`make bench-first-answer`: from the start of a process to its first answer.

The bundle that `make serving-bundle` writes, started as its documentation says by a Python without
packages, beside a FastAPI app with the same artefact. Starts alternate. The first start of each is
not counted, so the files are in the page cache: a disk's speed is no part of it.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from models.artifacts import LOCK_FILE
from tests.performance.serving import environments, machine, subjects
from tests.performance.serving.artifact import ROOT, Artifact, load
from tests.performance.serving.processes import PATH, clean_environment, free_port, group

OURS = "ours"
PEER = "fastapi"
MOST_SECONDS = 0.5
MOST_MB = 130.0

_BUNDLE = ROOT / ".build" / "serving"
_BODY = json.dumps({"texts": ["The strap broke, but support was lovely."]}).encode()
_GIVE_UP = 60.0
_PAUSE = 0.002
_NOISY = 0.1


class NoAnswerError(Exception):
    """A server ended, or did not answer with 200 in time; the message says which."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a server, in seconds."""

    wall: float
    """From the moment before the process was created to the last byte of its first answer."""

    cpu: float
    """What the process used of all cores until it was killed, right after that answer."""


@dataclass(frozen=True, slots=True)
class Command:
    """How a server is started on a port."""

    name: str
    artefact: str
    line: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    port: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Of all starts of one server, in seconds."""

    artefact: str
    wall: float
    """Median."""

    wall_longest: float
    cpu: float
    """Median."""

    starts: int


@dataclass(frozen=True, slots=True)
class Target:
    """A figure of ours and its limit; `value` is None where it was not measured."""

    what: str
    value: float | None
    sign: str
    limit: float
    met: bool


def figures(artefact: str, starts: Sequence[Start]) -> Figures:
    """Summarise the starts of one server, at least one."""
    walls = [start.wall for start in starts]
    cpu = statistics.median(start.cpu for start in starts)
    return Figures(artefact, statistics.median(walls), max(walls), cpu, len(starts))


def megabytes(folder: Path) -> float:
    """Return the size of all files of a folder in MB (10**6 bytes)."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def targets(found: Mapping[str, Figures], size: float) -> list[Target]:
    """Hold our figures against their limits."""
    wall = found[OURS].wall if OURS in found else None
    return [
        Target(
            "seconds to the first answer",
            wall,
            "<",
            MOST_SECONDS,
            wall is not None and wall < MOST_SECONDS,
        ),
        Target("bundle, MB", size, "≤", MOST_MB, size <= MOST_MB),
    ]


def bundled(folder: Path) -> Artifact:
    """Return the artefact that a bundle serves.

    Raises:
        FileNotFoundError: there is no bundle, or not one artefact in it.
    """
    locks = list((folder / "models" / "sentiment").rglob(LOCK_FILE))
    if len(locks) != 1:
        raise FileNotFoundError(f"{folder} holds {len(locks)} artefacts: run make serving-bundle")
    return load(locks[0].parent)


def first_answer(port: int, process: subprocess.Popen[str], body: bytes) -> None:
    """Return as soon as a server has answered with 200.

    Raises:
        NoAnswerError: it ended, or had no such answer within a minute.
    """
    end = time.monotonic() + _GIVE_UP
    while time.monotonic() < end:
        if process.poll() is not None:
            raise NoAnswerError(f"it ended with {process.returncode}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_GIVE_UP)
        try:
            connection.request("POST", PATH, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            if response.status == HTTPStatus.OK:
                return
        except (OSError, http.client.HTTPException):
            pass  # nobody listens yet
        finally:
            connection.close()
        time.sleep(_PAUSE)
    raise NoAnswerError(f"no answer with status 200 within {_GIVE_UP:.0f} s")


def start(command: Command, log: Path) -> Start:
    """Start a server, ask it, and kill it.

    Raises:
        NoAnswerError: it does not answer.
    """
    began = time.perf_counter()
    with group(command.line, command.environment, log, folder=command.folder) as process:
        try:
            first_answer(command.port, process, _BODY)
        except NoAnswerError as error:
            raise NoAnswerError(f"{command.name}: {error}; see {log}") from error
        wall = time.perf_counter() - began
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Start(wall, used.ru_utime + used.ru_stime)


def commands(bundle: Path, peer: Path | None) -> list[Command]:
    """Return what is started: the bundle, and the peer where its interpreter is given.

    Raises:
        FileNotFoundError: there is no bundle.
    """
    artifact = bundled(bundle)
    port = free_port()
    # The interpreter behind the virtual environment: it has nothing that the bundle lacks.
    python = Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    line = [str(python), "-m", "models.serving", "--host", "127.0.0.1", "--port", str(port)]
    bare = {
        name: value
        for name, value in clean_environment().items()
        if not name.startswith(("PYTHON", "SERVING_", "SAGEMAKER_")) and name != "VIRTUAL_ENV"
    }
    found = [Command(OURS, artifact.version, line, bundle, bare, port)]
    if peer is not None:
        port = free_port()
        subject = subjects.candidates(PEER, peer, artifact.folder, machine.cores())[0]
        environment = clean_environment(subject.environment)
        line = subject.command(port)
        found.append(Command(PEER, artifact.version, line, ROOT, environment, port))
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure; return 1 where it failed or, asked to check, a target is missed."""
    parser = argparse.ArgumentParser(prog="make bench-first-answer ARGS=...", description=__doc__)
    parser.add_argument("--starts", type=int, default=10, help="of each server")
    parser.add_argument("--bundle", type=Path, default=_BUNDLE)
    parser.add_argument("--report", type=Path, default=Path(".reports/bench-first-answer.json"))
    parser.add_argument("--check", action="store_true", help="exit with 1 where a target is missed")
    asked = parser.parse_args(arguments)
    if asked.starts < 1:
        parser.error("--starts: at least 1")
    progress = Console(stderr=True, soft_wrap=True)
    busy = machine.busy_share()
    if busy is not None and busy > _NOISY:
        progress.print(f"others use {busy:.0%} of this machine: don't trust what follows")
    absent: dict[str, str] = {}
    try:
        peer: Path | None = environments.prepare(PEER)
    except environments.AbsentError as error:
        peer, absent = None, {PEER: str(error)}
    bundle = asked.bundle.resolve()
    try:
        started = _measure(commands(bundle, peer), asked.starts, progress)
    except (FileNotFoundError, NoAnswerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    size = megabytes(bundle)
    found = {name: figures(bundled(bundle).version, starts) for name, starts in started.items()}
    held = targets(found, size)
    report: dict[str, Any] = {
        "bundle_mb": size,
        "servers": {name: asdict(entry) for name, entry in found.items()},
        "absent": absent,
        "starts": {name: [asdict(entry) for entry in starts] for name, starts in started.items()},
        "targets": [asdict(entry) for entry in held],
        "machine": machine.describe() | {"busy_before": busy},
    }
    asked.report.parent.mkdir(parents=True, exist_ok=True)
    asked.report.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    show(report, Console(width=None if sys.stdout.isatty() else 120))
    return int(asked.check and not all(entry.met for entry in held))


def _measure(servers: Sequence[Command], starts: int, progress: Console) -> dict[str, list[Start]]:
    found: dict[str, list[Start]] = {server.name: [] for server in servers}
    for index in range(starts + 1):
        for server in servers:
            seen = start(server, environments.FOLDER / "logs" / f"first-answer-{server.name}.log")
            if index:
                found[server.name].append(seen)
            progress.print(
                f"start {index}/{starts} · {server.name}: {seen.wall:.3f} s, CPU {seen.cpu:.3f} s"
                + ("" if index else ", not counted"),
                highlight=False,
            )
    return found


def show(report: Mapping[str, Any], console: Console) -> None:
    """Print the report's tables."""
    processor = machine.label(report["machine"])
    table = Table(title="From process start to the first answer", title_justify="left")
    table.add_column("")
    for name in ("seconds", "longest", "CPU seconds", "starts"):
        table.add_column(name, justify="right")
    table.add_column("artefact")
    table.add_column("CPU")
    for name, entry in report["servers"].items():
        rates = [f"{entry[key]:.3f}" for key in ("wall", "wall_longest", "cpu")]
        table.add_row(name, *rates, str(entry["starts"]), entry["artefact"], processor)
    console.print(table)
    for name, reason in report["absent"].items():
        console.print(f"{name} is absent: {reason}", markup=False)
    for entry in report["targets"]:
        value = "not measured" if entry["value"] is None else f"{entry['value']:.3g}"
        verdict = "met" if entry["met"] else "missed"
        limit = f"{entry['sign']} {entry['limit']:g}"
        console.print(f"{entry['what']}: {value}, target {limit}: {verdict}", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
