"""A measured process, as the one who measures sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.performance.api.figures import MeasurementError
from tests.performance.serving.artifact import ROOT
from tests.performance.serving.processes import group

HERE = Path(__file__).parent
SUBJECTS = HERE / "subjects"
LAYERS = ("core", "http", "static")


@dataclass(frozen=True, slots=True)
class Turn:
    """What one call cost, in seconds: CPU of the whole process, and the time that passed."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Python:
    """An interpreter, its options, and the folders that it imports from beside its own."""

    path: Path
    options: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()


OURS = Python(
    Path(sys.executable),
    folders=(ROOT, *(ROOT / "layers" / layer / "python" for layer in LAYERS)),
)
"""This checkout with the locked packages."""


def bare(*folders: Path) -> Python:
    """The interpreter behind the virtual environment: it has nothing but the standard library and
    these folders."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Python(Path(sys.base_prefix, "bin", version), ("-S", "-s"), folders)


@dataclass
class Subject:
    """A started process; its operations are told apart by name."""

    name: str
    process: subprocess.Popen[str]
    log: Path
    made: int = 0
    """Calls so far, of all operations, that were told to `run`."""
    _calls: dict[str, int] = field(default_factory=dict)

    def answer(self, operation: str) -> Any:
        """What an operation returns. Raises MeasurementError where it fails."""
        return self._ask({"do": "answer", "operation": operation})["answer"]

    def run(self, operation: str, calls: int) -> Turn:
        """What one of so many calls costs. Raises MeasurementError where one fails."""
        told = self._ask({"do": "run", "operation": operation, "calls": calls})
        self.made += calls
        return Turn(told["cpu"], told["wall"])

    def turn(self, operation: str, seconds: float) -> Turn:
        """What one call costs, over as many as take about `seconds`; how many that are is found
        out by the first turn, which also warms the process up."""
        if operation not in self._calls:
            self.run(operation, 1)
            calls = 2
            while (wall := self.run(operation, calls).wall * calls) < seconds / 4:
                calls *= 2
            self._calls[operation] = max(1, round(calls * seconds / wall))
        return self.run(operation, self._calls[operation])

    def _ask(self, command: Mapping[str, Any]) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            tail = self.log.read_text(errors="replace")[-2_000:]
            raise MeasurementError(f"{self.name} ended:\n{tail}")
        answer = json.loads(line)
        if "error" in answer:
            raise MeasurementError(f"{self.name}, {command['operation']}:\n{answer['error']}")
        return answer


@contextmanager
def started(
    name: str, python: Python, code: Path, environment: Mapping[str, str], logs: Path
) -> Iterator[Subject]:
    """Start a subject; it ends on leaving.

    Args:
        name: what to call it.
        python: what runs it.
        code: the subject's file, see `worker`.
        environment: all that it gets beside what finds the interpreter's packages.
        logs: folder for what it says on standard error.
    """
    log = logs / f"{name}.log"
    # The worker's own folder stays out of the path: it is not the subject's.
    command = [str(python.path), *python.options, "-P", str(HERE / "worker.py"), str(code)]
    with group(command, plain_environment(python, environment), log, piped=True) as process:
        yield Subject(name, process, log)


def plain_environment(python: Python, extra: Mapping[str, str]) -> dict[str, str]:
    """The same few variables for everybody, so that nothing of a developer's shell is measured."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(map(str, python.folders)),
        **extra,
    }
