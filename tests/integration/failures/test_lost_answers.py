"""Deletions whose answer is lost on the way, after the database has done what it was asked."""

import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import botocore.endpoint
import pytest

from customerai.adapters.dynamodb.interactions import DynamoDBInteractions
from customerai.adapters.memory.shard_schedules import MemoryShardSchedules
from customerai.domain.ids import make_id
from customerai.domain.interaction import Channel, Interaction
from tests.integration.conftest import CreateTable
from tests.integration.failures.conftest import Unhurried

NOW = datetime(2026, 11, 23, tzinfo=UTC)
DELETION = "DynamoDB_20120810.DeleteItem"


@dataclass
class Way:
    """To the database, and what becomes of the first deletion there.

    ``cut`` and ``broken`` pass it on and lose its answer, the latter for a 500; it does not get
    there where it is ``throttled``.
    """

    first: str = "cut"
    deletions: list[Any] = field(default_factory=list)


@pytest.fixture
def way(dynoxide_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    told, database = Way(), urlsplit(dynoxide_url).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["content-length"]))
            is_first = False
            if self.headers["x-amz-target"] == DELETION:
                told.deletions.append(json.loads(request))
                is_first = len(told.deletions) == 1
            if is_first and told.first == "throttled":
                self.answer(400, b'{"__type": "ProvisionedThroughputExceededException"}')
                return
            status, content = self.passed_on(request)
            if not is_first:
                self.answer(status, content)
            elif told.first == "broken":
                self.answer(500, b'{"__type": "InternalServerError"}')
            else:
                self.close_connection = True

        def passed_on(self, request: bytes) -> tuple[int, bytes]:
            connection = http.client.HTTPConnection(database, timeout=10)
            try:
                connection.request("POST", "/", request, dict(self.headers.items()))
                answer = connection.getresponse()
                return answer.status, answer.read()
            finally:
                connection.close()

        def answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/x-amz-json-1.0")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """A test's output is its own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", url)
    monkeypatch.setattr(botocore.endpoint, "time", Unhurried())
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("first", ["cut", "broken", "throttled"])
async def test_what_is_deleted_is_told_to_be_whatever_becomes_of_the_first_answer(
    way: Way, create_table: CreateTable, first: str
) -> None:
    way.first = first
    store = DynamoDBInteractions(await create_table("interactions"), MemoryShardSchedules())
    one = Interaction("acme", make_id(NOW, bytes(10)), NOW, NOW, "c", Channel.CHAT, "text")
    assert await store.add([one]) == [None]
    assert await store.remove("acme", [one.id]) == [True]
    assert len(way.deletions) == 2
    assert await store.get("acme", one.id) is None
    assert await store.remove("acme", [one.id]) == [False]


async def test_what_was_never_there_is_told_where_no_attempt_may_have_deleted_it(
    way: Way, create_table: CreateTable
) -> None:
    way.first = "throttled"
    store = DynamoDBInteractions(await create_table("interactions"), MemoryShardSchedules())
    assert await store.remove("acme", [make_id(NOW, bytes(10))]) == [False]
    assert len(way.deletions) == 2
