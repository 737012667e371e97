"""The stub's answers, and how it takes requests that come in pieces or several at once."""

from __future__ import annotations

import asyncio
import json
import ssl
import tempfile
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from tests.performance.api.certificates import self_signed
from tests.performance.api.meter import Reading
from tests.performance.api.stub import Canned, Connection

ANSWERS = {
    "Query": {"Count": 1},
    "Query rollups": {"Count": 2},
    "Query by_channel": {"Count": 3},
    "BatchGetItem rollups": {"Count": 4},
    "invocations": {"label": "positive"},
}


def request(
    operation: str, body: str = "{}", line: str = "POST / HTTP/1.1", more: str = ""
) -> bytes:
    target = f"X-Amz-Target: DynamoDB_20120810.{operation}\r\n" if operation else ""
    length = f"Content-Length: {len(body)}\r\n"
    return f"{line}\r\nHost: stub\r\n{target}{more}{length}\r\n{body}".encode()


def ask(canned: Canned, message: bytes) -> tuple[bytes, bytes]:
    """The head and the body of the response."""
    head, _, body = message.partition(b"\r\n\r\n")
    head, _, answer = canned.find(head + b"\r\n", body).partition(b"\r\n\r\n")
    return head, answer


@asynccontextmanager
async def connected(
    canned: Canned,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    # pytest's own folders can be too deep for the name of a socket.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s"
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(lambda: Connection(canned), path)
        reader, writer = await asyncio.open_unix_connection(path)
        yield reader, writer
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()


def test_the_index_goes_before_the_table_and_that_before_the_operation() -> None:
    canned = Canned(ANSWERS)
    found = [
        json.loads(ask(canned, request(operation, body))[1])["Count"]
        for operation, body in (
            ("Query", '{"TableName": "interactions"}'),
            ("Query", '{"TableName": "rollups"}'),
            ("Query", '{"TableName": "rollups", "IndexName": "by_channel"}'),
            ("Query", '{"TableName": "rollups", "IndexName": "another"}'),
            ("BatchGetItem", '{"RequestItems":{"rollups":{"Keys":[]}}}'),
        )
    ]
    assert found == [1, 2, 3, 2, 4]


def test_without_a_target_the_path_says_what_is_meant() -> None:
    line = "POST /endpoints/sentiment/invocations?a=b HTTP/1.1"
    assert ask(Canned(ANSWERS), request("", line=line))[1] == b'{"label": "positive"}'


def test_who_accepts_messagepack_gets_that() -> None:
    line = "POST /endpoints/sentiment/invocations HTTP/1.1"
    packed = request("", line=line, more="Accept: application/msgpack\r\n")
    head, answer = ask(Canned(ANSWERS), packed)
    assert b"Content-Type: application/msgpack\r\n" in head
    assert msgspec.msgpack.decode(answer) == {"label": "positive"}


def test_only_the_model_server_tells_which_models_answer() -> None:
    line = "POST /endpoints/sentiment/invocations HTTP/1.1"
    packed = request("", line=line, more="Accept: application/msgpack\r\n")
    told = b"x-amzn-sagemaker-custom-attributes: models="
    assert told in ask(Canned(ANSWERS), packed)[0]
    assert told not in ask(Canned(ANSWERS), request("Query"))[0]


def test_what_nobody_foresaw_is_refused_and_counted() -> None:
    canned = Canned(ANSWERS)
    head, answer = ask(canned, request("DropTable"))
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer)["__type"] == "UnknownOperationException"
    ask(canned, request("Query"))
    ask(canned, request("Query"))
    calls = ask(canned, request("", line="GET /calls HTTP/1.1"))[1]
    assert json.loads(calls) == {"DropTable": 1, "Query": 2}


def test_length_and_checksum_are_those_of_the_body() -> None:
    head, answer = ask(Canned(ANSWERS), request("Query"))
    assert f"Content-Length: {len(answer)}".encode() in head
    assert f"x-amz-crc32: {zlib.crc32(answer)}".encode() in head


async def test_requests_may_come_in_pieces_and_together() -> None:
    canned = Canned(ANSWERS)
    expected = canned.find(b"POST / HTTP/1.1\r\nx-amz-target: a.Query\r\n", b"")
    message = request("Query", '{"TableName": "interactions"}')
    async with connected(canned) as (reader, writer):
        for place in range(len(message)):
            writer.write(message[place : place + 1])
            await writer.drain()
        assert await reader.readexactly(len(expected)) == expected
        writer.write(message * 3)
        assert await reader.readexactly(3 * len(expected)) == 3 * expected


async def test_who_waits_to_be_told_to_go_on_is_told() -> None:
    canned = Canned(ANSWERS, delay=0.001)
    message = request("Query", more="Expect: 100-continue\r\n")
    head, _, body = message.partition(b"\r\n\r\n")
    async with connected(canned) as (reader, writer):
        writer.write(head + b"\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")


async def test_whoever_is_given_the_certificate_trusts_it(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path / "certificate.pem")
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=certificate)
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT
    canned = Canned(ANSWERS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s"
        server = await asyncio.get_running_loop().create_unix_server(
            lambda: Connection(canned), path, ssl=ours
        )
        reader, writer = await asyncio.open_unix_connection(
            path, ssl=trusting, server_hostname="127.0.0.1"
        )
        writer.write(request("Query"))
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()
        await writer.wait_closed()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_unix_connection(
                path, ssl=ssl.create_default_context(), server_hostname="127.0.0.1"
            )
        server.close()
        await server.wait_closed()


def test_a_reading_adds_up_what_answers_say_they_cost() -> None:
    reading = Reading()
    reading.add({"Item": {}, "ConsumedCapacity": {"CapacityUnits": 1.0}})
    reading.add({"Count": 2, "ScannedCount": 9, "ConsumedCapacity": {"CapacityUnits": 0.5}})
    batch = [{"CapacityUnits": 2.0}, {"CapacityUnits": 3.0}]
    reading.add({"Responses": {"a": [{}, {}], "b": [{}]}, "ConsumedCapacity": batch})
    assert reading == Reading(calls=3, units=6.5, scanned=13, returned=6)
