"""A server on loopback that answers every AWS call as a test tells it to."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.endpoint
import msgspec
import pytest

from customerai.adapters.dynamodb import reads
from customerai.resilience.hedging import Hedge

VARIABLES = ("DYNAMODB", "SQS", "SECRETSMANAGER", "SAGEMAKER_RUNTIME")
DECODERS: Mapping[str, Callable[[bytes], Any]] = {
    "application/x-amz-json-1.0": json.loads,
    "application/x-amz-json-1.1": json.loads,
    "application/msgpack": msgspec.msgpack.decode,
}


@dataclass
class Answer:
    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0


@dataclass
class Cloud:
    """``answer`` is asked for each request, with the request's body."""

    url: str
    answer: Callable[[Any], Answer] = lambda _: Answer(200)
    requests: list[Any] = field(default_factory=list)

    def always(self, status: int, code: str = "", delay_seconds: float = 0) -> None:
        body = {"__type": f"com.amazonaws#{code}", "message": "told by the test"}
        self.answer = lambda _: Answer(status, body, delay_seconds=delay_seconds)


@pytest.fixture(autouse=True)
def _unhedged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second attempt at a slow read would be a request more, now and then."""
    monkeypatch.setattr(reads, "hedges", defaultdict(lambda: Hedge(delay=3_600)))


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            body = DECODERS[self.headers["content-type"]](content)
            told.requests.append(body)
            answer = told.answer(body)
            time.sleep(answer.delay_seconds)
            content = json.dumps(answer.body).encode()
            try:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-type", "application/x-amz-json-1.0")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                self.close_connection = True  # the client did not wait

        def log_message(self, *_: Any) -> None:
            """A test's output is its own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told = Cloud(f"http://127.0.0.1:{server.server_port}")
    for variable in VARIABLES:
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{variable}", told.url)
    # pynamodb's pauses between retries are botocore's own matter.
    monkeypatch.setattr(botocore.endpoint, "time", Unhurried())
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


class Unhurried:
    """``time`` without sleep."""

    time = staticmethod(time.time)

    @staticmethod
    def sleep(_: float) -> None:
        return None
