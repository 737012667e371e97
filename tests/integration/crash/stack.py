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
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx

ROOT = Path(__file__).parents[3]
START_SECONDS = 60.0
RANGE = "from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z"


class Stack:
    """`python -m functions up`, and one tenant's view of it."""

    def __init__(self, folder: Path) -> None:
        ports = dict.fromkeys(("--port", "--database-port", "--emulator-port", "--model-port"), 0)
        with _free_ports(len(ports)) as free:
            ports = dict(zip(ports, free, strict=True))
        options = [text for option, port in ports.items() for text in (option, str(port))]
        self._command = [sys.executable, "-m", "functions", "up", "--no-demo", *options]
        self._command += ["--state-dir", str(folder / "state")]
        self._log = folder / "up.log"
        self._process: subprocess.Popen[bytes] | None = None
        token = subprocess.run(
            [sys.executable, "-m", "functions", "token", "--tenant", "crash"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout.strip()
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{ports['--port']}",
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
        begun = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while b"Ctrl-C stops everything" not in self._log.read_bytes()[begun:]:
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)

    def stop(self, number: signal.Signals) -> int:
        """Ask it to stop; its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(timeout=20)

    def kill(self, victim: str, chance: random.Random) -> None:
        """SIGKILL one process that has `victim` in its command line, waiting until there is one."""
        assert self._process is not None
        deadline = time.monotonic() + 20
        while True:
            found = [pid for pid in _tree(self._process.pid) if victim in _command_line(pid)]
            if found:
                _kill(chance.choice(sorted(found)))
                return
            assert time.monotonic() < deadline, f"{victim} was not started again"
            time.sleep(0.02)

    def kill_everything(self) -> None:
        """SIGKILL the supervisor and all its descendants, in no order."""
        assert self._process is not None
        processes = [self._process.pid, *_tree(self._process.pid)]
        for pid in processes:
            _kill(pid)
        self._process.wait(timeout=10)

    def post(self, path: str, key: str, body: Any) -> httpx.Response:
        return self._http.post(path, json=body, headers={"Idempotency-Key": key})

    def summary(self) -> Any:
        return self._get(f"/v1/analytics/summary?{RANGE}")

    def list_all(self, path: str) -> list[Any]:
        items, cursor = [], ""
        while True:
            page = self._get(path + cursor)
            items += page["items"]
            if page["next"] is None:
                return items
            cursor = f"&cursor={page['next']}"

    def _get(self, path: str) -> Any:
        """A GET, repeated while the stack is down."""
        deadline = time.monotonic() + 20
        while True:
            try:
                response = self._http.get(path)
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


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
