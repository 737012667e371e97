"""AWS services that always say the same: canned answers over HTTP/1.1, as fast as Python can.

A process of its own, so that its CPU is nobody's. It is started with a JSON file:

    {"GetItem": answer, "GetItem customerai-local-settings": answer, "Query by_channel": answer}

The key is the operation, the last part of `X-Amz-Target` or of the path where there is no target,
and after a blank the index or the table where only that one is meant. Answers are sent as JSON, or
as MessagePack to who accepts that, as the model server does, which also tells which models answer.
`GET /calls` tells how many calls there were of each operation. With a certificate it speaks TLS.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import ssl
import zlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
from uvloop import run

_JSON, _MSGPACK = "application/x-amz-json-1.0", "application/msgpack"
_ACCEPTS_MSGPACK = re.compile(rb"\r\naccept: *application/msgpack\r\n", re.IGNORECASE)
_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TARGET = re.compile(rb"\r\nx-amz-target: *[\w.-]*?(\w+)\r\n", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect: *100-continue", re.IGNORECASE)
_TABLE = re.compile(rb'"(?:TableName": *|RequestItems": *\{ *)"([\w.-]+)"')
_INDEX = re.compile(rb'"IndexName": *"([\w.-]+)"')
_CALLS = b"GET /calls "
_MODELS = "x-amzn-sagemaker-custom-attributes: models=3f1c09a6d27be584\r\n"


def respond(answer: object, status: str = "200 OK", media_type: str = _JSON) -> bytes:
    """The whole response for an answer, with the checksum that DynamoDB sends."""
    packed = media_type == _MSGPACK
    body = msgspec.msgpack.encode(answer) if packed else json.dumps(answer).encode()
    head = (
        f"HTTP/1.1 {status}\r\nServer: Server\r\nContent-Type: {media_type}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: keep-alive\r\n"
        "x-amzn-RequestId: 4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG\r\n"
        f"{_MODELS if packed else ''}x-amz-crc32: {zlib.crc32(body)}\r\n\r\n"
    )
    return head.encode() + body


class Canned:
    """Responses by operation and table, and how often each operation was called."""

    def __init__(self, answers: Mapping[str, Any], delay: float = 0.0) -> None:
        """`delay` in seconds goes before every response."""
        self._json, self._packed = (
            {
                name.encode(): respond(answer, media_type=media_type)
                for name, answer in answers.items()
            }
            for media_type in (_JSON, _MSGPACK)
        )
        self.delay = delay
        self.calls: Counter[str] = Counter()

    def find(self, head: bytes, body: bytes) -> bytes:
        """The response to a request, whose head begins with the request line."""
        if head.startswith(_CALLS):
            return respond(self.calls)
        target = _TARGET.search(head)
        path = head.split(b" ", 2)[1]
        operation = target[1] if target else path.partition(b"?")[0].rpartition(b"/")[2]
        self.calls[operation.decode()] += 1
        responses = self._packed if _ACCEPTS_MSGPACK.search(head) else self._json
        for place in (_INDEX.search(body), _TABLE.search(body)):
            response = responses.get(operation + b" " + place[1]) if place else None
            if response is not None:
                return response
        if operation in responses:
            return responses[operation]
        problem = {"__type": "UnknownOperationException", "message": operation.decode()}
        return respond(problem, "400 Bad Request")


class Connection(asyncio.Protocol):
    """One client's connection: a request is answered once it is there as a whole."""

    def __init__(self, canned: Canned) -> None:
        self._canned = canned
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        self._received += data
        assert self._transport is not None
        while (end := self._received.find(_END)) >= 0:
            head = self._received[: end + 2]
            length = _LENGTH.search(head)
            size = end + len(_END) + (int(length[1]) if length else 0)
            if len(self._received) < size:
                if _EXPECT.search(head) and len(self._received) == end + len(_END):
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            response = self._canned.find(head, self._received[end + len(_END) : size])
            self._received = self._received[size:]
            if self._canned.delay:
                loop = asyncio.get_running_loop()
                loop.call_later(self._canned.delay, self._transport.write, response)
            else:
                self._transport.write(response)


async def serve(canned: Canned, port: int, certificate: Path | None) -> None:
    """Serve on a port of loopback, over TLS where a file has a certificate and its key."""
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(canned), "127.0.0.1", port, ssl=context
    )
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("answers", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--certificate", type=Path)
    asked = parser.parse_args()
    answers = json.loads(asked.answers.read_text(encoding="utf-8"))
    run(serve(Canned(answers, asked.delay_ms / 1e3), asked.port, asked.certificate))
