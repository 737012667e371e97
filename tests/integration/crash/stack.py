"""The whole local platform in a folder of its own, on ports of its own, to be killed at will."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import httpx

from functions._runner.settings import Settings

ROOT = Path(__file__).parents[3]
START_SECONDS = 60.0
RANGE = "from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z"


class Stack:
    """`python -m functions up`, and one tenant's view of it."""

    def __init__(self, folder: Path, *, tenant: str, demo: bool = False) -> None:
        names = ("port", "database_port", "emulator_port", "model_port", "cache_port")
        with _free_ports(len(names)) as free:
            ports: dict[str, Any] = dict(zip(names, free, strict=True))
        self.settings = replace(Settings.from_environment(), state=folder / "state", **ports)
        self._command = [sys.executable, "-m", "functions", "up"]
        for name, port in ports.items():
            self._command += [f"--{name.replace('_', '-')}", str(port)]
        self._command += ["--state-dir", str(self.settings.state)]
        self._command += [] if demo else ["--no-demo"]
        self._begun = 0
        self._log = folder / "up.log"
        self._process: subprocess.Popen[bytes] | None = None
        token = subprocess.run(
            [sys.executable, "-m", "functions", "token", "--tenant", tenant],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout.strip()
        self._http = httpx.Client(
            base_url=self.settings.url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(15.0),
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        if self._process is not None and self._process.poll() is None:
            self.kill_everything()

    def start(self) -> None:
        """Start it and wait until it says how to use it."""
        self._begun = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,  # as in a terminal, where it is alone in the foreground
            )
        deadline = time.monotonic() + START_SECONDS
        while "Ctrl-C stops everything" not in self.printed():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)

    def printed(self) -> str:
        """What it has printed since its last start."""
        return self._log.read_bytes()[self._begun :].decode()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self, number: signal.Signals) -> int:
        """Send a signal to its process group, as a terminal does for Ctrl-C; its exit code."""
        assert self._process is not None
        os.killpg(self._process.pid, number)
        return self._process.wait(timeout=20)

    def processes(self) -> list[int]:
        """The supervisor and all its descendants."""
        assert self._process is not None
        return [self._process.pid, *_tree(self._process.pid)]

    def kill(self, victim: str, chance: random.Random) -> None:
        """SIGKILL one process that has `victim` in its command line, waiting until there is one."""
        _send(chance.choice(self.find(victim)), signal.SIGKILL)

    def find(self, part: str, besides: int | None = None) -> list[int]:
        """Processes that have `part` in their command line, once there are any."""
        deadline = time.monotonic() + 20
        while True:
            found = [
                pid for pid in self.processes() if pid != besides and part in _command_line(pid)
            ]
            if found:
                return sorted(found)
            assert time.monotonic() < deadline, f"{part} was not started again"
            time.sleep(0.005)

    def kill_everything(self) -> None:
        """SIGKILL the supervisor and all its descendants, in no order."""
        assert self._process is not None
        for pid in self.processes():
            _send(pid, signal.SIGKILL)
        self._process.wait(timeout=10)

    def post(self, path: str, key: str, body: Any) -> httpx.Response:
        return self._http.post(path, json=body, headers={"Idempotency-Key": key})

    def summary(self, of: str = RANGE) -> Any:
        return self.get(f"/v1/analytics/summary?{of}")

    def list_all(self, path: str) -> list[Any]:
        items, cursor = [], ""
        while True:
            page = self.get(path + cursor)
            items += page["items"]
            if page["next"] is None:
                return items
            cursor = f"&cursor={page['next']}"

    def get(self, path: str, headers: dict[str, str] | None = None) -> Any:
        """A GET, repeated while the stack is down."""
        deadline = time.monotonic() + 20
        while True:
            try:
                response = self._http.get(path, headers=headers)
                if response.status_code == 200:
                    return response.json()
                reason = response.text
            except httpx.TransportError as error:
                reason = repr(error)
            assert time.monotonic() < deadline, reason
            time.sleep(0.05)


class _free_ports:  # noqa: N801 a context manager
    """Ports that are free together: held at one time, then let go."""

    def __init__(self, count: int) -> None:
        self._sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]

    def __enter__(self) -> list[int]:
        return [each.getsockname()[1] for each in self._sockets]

    def __exit__(self, *_: object) -> None:
        for each in self._sockets:
            each.close()


def _tree(root: int) -> list[int]:
    """Every descendant of a process."""
    parents = dict(_parents())
    found: list[int] = []
    frontier = {root}
    while frontier:
        frontier = {pid for pid, parent in parents.items() if parent in frontier}
        found += frontier
    return found


def running(pids: Iterable[int]) -> list[int]:
    """Those of the processes that still run; one that only waits to be reaped does not."""
    return sorted(dict(_parents()).keys() & set(pids))


def _parents() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                yield int(entry.name), int(fields[1])


def _command_line(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
