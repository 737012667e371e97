"""Processes to measure, which never outlive the measurement."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path

from tests.performance.serving.artifact import ROOT

PATH = "/invocations"
"""Where every server here answers."""

_START_SECONDS = 90.0
_STOP_SECONDS = 2.0
_LOG_LINES = 15


class ServerError(Exception):
    """A server ended or did not answer; the message holds the end of its log."""


@contextmanager
def group(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    *,
    piped: bool = False,
    folder: Path = ROOT,
) -> Iterator[subprocess.Popen[str]]:
    """Run a command in a process group of its own, and end the whole group on leaving.

    Args:
        command: program and arguments.
        environment: all that it gets; see `clean_environment`.
        log: where what it writes goes.
        piped: its standard input and output are the caller's.
        folder: where it runs.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
            stdout=subprocess.PIPE if piped else output,
            stderr=output,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            _end(process)


@contextmanager
def server(
    command: Sequence[str], environment: Mapping[str, str], log: Path, port: int, probe: bytes
) -> Iterator[str]:
    """Run a server and yield its first answer to `probe`, a JSON body for `POST /invocations`.

    Raises:
        ServerError: it ended, or had no answer with status 200 within 90 seconds.
    """
    with group(command, clean_environment(environment), log) as process:
        yield _first_answer(process, port, probe, log)


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return our environment for a process of this checkout, with `extra` in it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        # Nobody serves without compiled modules.
        if not name.startswith("BENCH_") and name != "PYTHONDONTWRITEBYTECODE"
    }
    source = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "core" / "python")])
    return {**kept, "PYTHONPATH": source, "TOKENIZERS_PARALLELISM": "false", **(extra or {})}


def _first_answer(process: subprocess.Popen[str], port: int, probe: bytes, log: Path) -> str:
    end = time.monotonic() + _START_SECONDS
    problem = "nobody listens"
    while time.monotonic() < end:
        if process.poll() is not None:
            raise ServerError(f"{log.stem} ended with {process.returncode}\n{_tail(log)}")
        try:
            status, answer = ask(port, probe)
        except (OSError, http.client.HTTPException) as error:
            problem = repr(error)
        else:
            if status == HTTPStatus.OK:
                return answer
            problem = f"it answers {status}: {answer[:300]}"
        time.sleep(0.1)
    raise ServerError(f"{log.stem} is not ready in {_START_SECONDS:.0f} s, {problem}\n{_tail(log)}")


def ask(port: int, body: bytes) -> tuple[int, str]:
    """Post a JSON body to a server of this machine; return the status and the answer.

    Raises:
        OSError: there is no connection, or no answer within 10 seconds.
        http.client.HTTPException: the answer is not HTTP.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", PATH, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES:])


def _end(process: subprocess.Popen[str]) -> None:
    """Ask the group to end, then make it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    # The leader may be gone and a worker of it still there.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
