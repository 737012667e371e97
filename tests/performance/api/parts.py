"""What a measured function speaks to, each part a process of its own: the stub, dynoxide, Redis."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

from functions._runner.platform import dynoxide_binary, redis_binary
from tests.performance.api.figures import MeasurementError
from tests.performance.serving.processes import clean_environment, free_port, group

_START_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Stub:
    """Where canned answers come from, over TLS where it has a certificate."""

    port: int
    certificate: Path | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}"

    def calls(self) -> dict[str, int]:
        """How often each operation was called so far."""
        if self.certificate:
            trusted = ssl.create_default_context(cafile=self.certificate)
            connection: HTTPConnection = HTTPSConnection(
                "127.0.0.1", self.port, timeout=5, context=trusted
            )
        else:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/calls")
            calls: dict[str, int] = json.load(connection.getresponse())
        finally:
            connection.close()
        return calls


@dataclass(frozen=True, slots=True)
class RedisServer:
    """The real server, which keeps nothing on disk."""

    port: int
    process: int

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @contextmanager
    def held(self) -> Iterator[None]:
        """It keeps its connections and answers nothing, until it is let go."""
        os.kill(self.process, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process, signal.SIGCONT)


@contextmanager
def stub(
    answers: Mapping[str, Any],
    folder: Path,
    delay_ms: float = 0.0,
    certificate: Path | None = None,
) -> Iterator[Stub]:
    """Start a stub with these answers; `folder` takes its file and its log."""
    port = free_port()
    file = folder / f"answers-{port}.json"
    file.write_text(json.dumps(answers), encoding="utf-8")
    command = [sys.executable, "-m", "tests.performance.api.stub", str(file), "--port", str(port)]
    command += ["--delay-ms", str(delay_ms)]
    if certificate is not None:
        command += ["--certificate", str(certificate)]
    log = folder / f"stub-{port}.log"
    with group(command, clean_environment(), log) as process:
        _await(process, port, log)
        yield Stub(port, certificate)


@contextmanager
def dynoxide(database: Path, folder: Path) -> Iterator[str]:
    """Start dynoxide on a file, which is made where it is absent; yield its URL."""
    port = free_port()
    command = [str(dynoxide_binary()), "serve", "--port", str(port), "--db-path", str(database)]
    log = folder / f"dynoxide-{port}.log"
    with group(command, clean_environment(), log) as process:
        _await(process, port, log)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def redis_server(folder: Path, primary: RedisServer | None = None) -> Iterator[RedisServer]:
    """Start Redis, a replica where it is given a primary; `folder` takes its log."""
    port = free_port()
    command = [str(redis_binary()), "--bind", "127.0.0.1", "--port", str(port)]
    command += ["--save", "", "--appendonly", "no", "--dir", str(folder)]
    command += ["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"]
    if primary is not None:
        command += ["--replicaof", "127.0.0.1", str(primary.port)]
    log = folder / f"redis-{port}.log"
    with group(command, clean_environment(), log) as process:
        _await(process, port, log)
        yield RedisServer(port, process.pid)


def _await(process: subprocess.Popen[str], port: int, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        connection = HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.connect()
        except OSError:
            time.sleep(0.02)
        else:
            return
        finally:
            connection.close()
    raise MeasurementError(f"{log.stem} does not listen: {log.read_text(errors='replace')[-500:]}")
