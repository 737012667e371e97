"""Lambda's Runtime API on loopback, as little of it as one cold start needs.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.performance.api.figures import MeasurementError

_NEXT = "/2018-06-01/runtime/invocation/next"
_RESPONSE = "/response"
_REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
_GIVE_UP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Start:
    """From process start to the first response, in seconds, and what the response was."""

    wall: float
    cpu: float
    answer: Any


class RuntimeApi(ThreadingHTTPServer):
    """Hands out one event with so many seconds for it, and keeps what comes back: (path, body,
    when)."""

    daemon_threads = True

    def __init__(self, event: Mapping[str, Any], seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.event = json.dumps(event).encode()
        self.seconds = seconds
        self.handed_out = False
        self.came_back: queue.Queue[tuple[str, bytes, float]] = queue.Queue()
        self.closing = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The client was killed, which is how every start ends."""

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=[0.05], daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536
    server: RuntimeApi

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def do_GET(self) -> None:
        assert self.path == _NEXT
        if self.server.handed_out:
            # There is no second event: the client waits, as it does in Lambda.
            self.server.closing.wait()
            self.close_connection = True
            return
        self.server.handed_out = True
        deadline = int((time.time() + self.server.seconds) * 1_000)
        self._send(
            200,
            self.server.event,
            {
                "Lambda-Runtime-Aws-Request-Id": _REQUEST_ID,
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:1:function:bench",
                "Content-Type": "application/json",
            },
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.came_back.put((self.path, body, time.perf_counter()))
        self._send(202, b"", {})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def first_response(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    event: Mapping[str, Any],
    seconds: float,
    log: Path,
) -> Start:
    """Start a function under its runtime client, give it an event, and kill it.

    Args:
        command: what starts the client.
        environment: all that it gets, but where the Runtime API is.
        folder: where it runs.
        event: what it gets first.
        seconds: its time-out.
        log: takes what it prints.

    Raises:
        MeasurementError: it fails, or has no answer within a minute.
    """
    with RuntimeApi(event, seconds) as api, log.open("wb") as output:
        address = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}"}
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**environment, **address},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            path, body, ended = api.came_back.get(timeout=_GIVE_UP_SECONDS)
        except queue.Empty:
            path, body, ended = "nothing", b"", began
        finally:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
    if not path.endswith(_RESPONSE):
        told = log.read_text(errors="replace")[-1_500:]
        raise MeasurementError(f"{log.stem} answers {path} {body[:500]!r}:\n{told}")
    return Start(ended - began, used.ru_utime + used.ru_stime, json.loads(body))
