"""Keeps processes running: starts them, starts them again when they end, and stops them all.

One thread and no event loop: a loop that looks at every process ten times a second.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from functions._runner.backoff import backoff
from functions._runner.lifeline import die_with
from functions._runner.settings import CHECKOUT, StartError

TICK_SECONDS = 0.1
_QUICK_SECONDS = 5.0
_QUICK_DEATHS = 5
_LONGEST_PAUSE = 4.0
_STOP_SECONDS = 5.0
_LOG_LIMIT = 10 * 1024 * 1024
_LOG_CHECK_SECONDS = 10.0


@dataclass(frozen=True)
class Part:
    """One process to keep running.

    `ready` is asked until it says yes, after every start; it may do what makes the part ready.
    A part that runs `once` is done when it ends well.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: Callable[[], bool] = lambda: True
    once: bool = False


class _Child:
    def __init__(self, part: Part, log: Path) -> None:
        self.part = part
        self.log = log
        self.ready = False
        self.was_ready = False
        self.done = False
        self.quick_deaths = 0
        self.exit_code: int | None = None
        self.start_at = 0.0
        self.started_at = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        supervisor = os.getpid()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.part.command,
                cwd=CHECKOUT,
                env=self.part.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,  # Ctrl-C is for the supervisor, which stops the rest
                preexec_fn=lambda: die_with(supervisor),
            )
        self.ready = False
        self.started_at = time.monotonic()

    def signal(self, number: signal.Signals, *, group: bool) -> None:
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                if group:
                    os.killpg(self.process.pid, number)
                else:
                    self.process.send_signal(number)


class Supervisor:
    """Processes with their logs in one folder; `report` gets what a person should read."""

    def __init__(self, logs: Path, report: Callable[[str], None]) -> None:
        self._logs = logs
        self._report = report
        self._children: dict[str, _Child] = {}
        self._stopping = False
        self._logs_checked_at = 0.0
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, part: Part) -> None:
        child = _Child(part, self._logs / f"{part.name}.log")
        self._children[part.name] = child
        child.start()

    def request_stop(self) -> None:
        """For signal handlers: `running` and `wait` come to their end."""
        self._stopping = True

    def running(self) -> Iterator[None]:
        """Look after everything, and yield after every look, until a stop is requested."""
        while not self._stopping:
            for child in list(self._children.values()):
                self._tend(child)
            self._bound_logs()
            yield
            time.sleep(TICK_SECONDS)

    def wait(self, name: str, limit: float) -> bool:
        """Wait until a part is ready; False where a stop was requested meanwhile.

        Raises StartError where it ends by itself, or is not ready after `limit` seconds.
        """
        child = self._children[name]
        deadline = time.monotonic() + limit
        for _ in self.running():
            if child.was_ready:
                return True
            # One that was killed is started again; one that gave up says why in its log.
            if child.exit_code is not None and child.exit_code >= 0:
                raise StartError(f"{name} ended at once: {_last_line(child.log)}")
            if time.monotonic() > deadline:
                raise StartError(f"{name} is not ready after {limit:.0f} s: see {child.log}")
        return False

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one part, where it runs."""
        if name in self._children:
            self._children[name].signal(number, group=False)

    def stop(self) -> None:
        """Stop everything, the last started first to be told; kill what does not stop in time."""
        children = list(self._children.values())
        for child in reversed(children):
            child.signal(signal.SIGTERM, group=False)
        deadline = time.monotonic() + _STOP_SECONDS
        for child in children:
            if child.process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.process.wait(max(0.0, deadline - time.monotonic()))
        for child in children:
            child.signal(signal.SIGKILL, group=True)
        for child in children:
            if child.process is not None:
                child.process.wait()

    def _tend(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if not child.done and now >= child.start_at:
                child.start()
            return
        code = child.process.poll()
        if code is None:
            if not child.ready and child.part.ready():
                child.ready = child.was_ready = True
            return
        child.process, child.exit_code = None, code
        if child.part.once and code == 0:
            child.done = True
            return
        quick = now - child.started_at < _QUICK_SECONDS
        child.quick_deaths = child.quick_deaths + 1 if quick else 0
        deaths = child.quick_deaths
        child.start_at = now + (backoff(0.25, deaths, _LONGEST_PAUSE) if deaths > 1 else 0.0)
        if child.was_ready or child.part.once:
            self._report(f"{child.part.name} ended (exit {code}): starting it again")
        if child.quick_deaths == _QUICK_DEATHS:
            self._report(
                f"{child.part.name} has ended {_QUICK_DEATHS} times in a row: see {child.log}"
            )

    def _bound_logs(self) -> None:
        """Move a log aside once it is long. The processes append, so the same file goes on."""
        now = time.monotonic()
        if now - self._logs_checked_at < _LOG_CHECK_SECONDS:
            return
        self._logs_checked_at = now
        for log in self._logs.glob("*.log"):
            if log.stat().st_size > _LOG_LIMIT:
                shutil.copyfile(log, log.with_suffix(".log.1"))
                os.truncate(log, 0)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return f"{lines[-1]} ({log})" if lines else f"see {log}"
