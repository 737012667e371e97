"""The Open Inference Protocol, spoken by a real client over a real port."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest

from models.serving.rpc import inference_pb2 as protocol
from models.serving.rpc.service import SERVICE, serving
from models.serving.settings import ServerSettings
from tests.unit.models.serving.asking import started
from tests.unit.models.serving.length_tier import LengthTier, running

pytestmark = pytest.mark.enable_socket

SETTINGS = ServerSettings(host="127.0.0.1", workers=2)


@dataclass
class Client:
    """A generic client, which knows no more than the protocol's names."""

    channel: grpc.aio.Channel
    tier: LengthTier

    async def call(self, method: str, request: Any, seconds: float = 10.0) -> Any:
        kind = getattr(protocol, f"{method}Response")
        stub = self.channel.unary_unary(
            f"/{SERVICE}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=kind.FromString,
        )
        return await stub(request, timeout=seconds)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    tier = LengthTier()
    async with running(tier, settings=SETTINGS) as app, serving(app, SETTINGS, 0) as port:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Client(channel, tier)
        tier.gate.set()


def request(*texts: bytes, raw: bool = False, **fields: Any) -> protocol.ModelInferRequest:
    made = protocol.ModelInferRequest(model_name="full", id="7", **fields)
    tensor = made.inputs.add(name="text", datatype="BYTES", shape=[len(texts)])
    if raw:
        content = b"".join(struct.pack("<I", len(text)) + text for text in texts)
        made.raw_input_contents.append(content)
    else:
        tensor.contents.bytes_contents.extend(texts)
    return made


async def test_it_says_what_it_is(client: Client) -> None:
    assert (await client.call("ServerLive", protocol.ServerLiveRequest())).live
    assert (await client.call("ServerReady", protocol.ServerReadyRequest())).ready
    assert (await client.call("ServerMetadata", protocol.ServerMetadataRequest())).name
    ready = protocol.ModelReadyRequest(name="full", version="length-full")
    assert (await client.call("ModelReady", ready)).ready
    told = await client.call("ModelMetadata", protocol.ModelMetadataRequest(name="full"))
    assert list(told.versions) == ["length-full"]
    assert [(tensor.name, tensor.datatype) for tensor in told.inputs] == [("text", "BYTES")]
    assert [(tensor.name, tensor.datatype) for tensor in told.outputs] == [
        ("label", "BYTES"),
        ("scores", "FP32"),
    ]


async def test_texts_in_labels_and_scores_out(client: Client) -> None:
    answer = await client.call("ModelInfer", request(b"odd", b"even"))
    assert (answer.model_name, answer.model_version, answer.id) == ("full", "length-full", "7")
    label, scores = answer.outputs
    assert list(label.contents.bytes_contents) == [b"negative", b"positive"]
    assert list(scores.shape) == [2, 3]
    assert list(scores.contents.fp32_contents) == [0.75, 0.0, 0.25, 0.25, 0.0, 0.75]


async def test_raw_tensors_are_answered_with_raw_tensors(client: Client) -> None:
    answer = await client.call("ModelInfer", request(b"odd", b"even", raw=True))
    label, scores = answer.raw_output_contents
    assert label == struct.pack("<I8sI8s", 8, b"negative", 8, b"positive")
    assert struct.unpack("<6f", scores) == (0.75, 0.0, 0.25, 0.25, 0.0, 0.75)


async def test_only_what_is_asked_for_comes_back(client: Client) -> None:
    asked = request(b"odd")
    asked.outputs.add(name="scores")
    answer = await client.call("ModelInfer", asked)
    assert [output.name for output in answer.outputs] == ["scores"]


def wrong(**changes: Any) -> protocol.ModelInferRequest:
    made = request(b"odd")
    for name, value in changes.items():
        setattr(made.inputs[0], name, value)
    return made


def asking_for(output: str) -> protocol.ModelInferRequest:
    made = request(b"odd")
    made.outputs.add(name=output)
    return made


@pytest.mark.parametrize(
    ("asked", "code", "field"),
    [
        (request(), "INVALID_ARGUMENT", "text"),
        (request(b""), "INVALID_ARGUMENT", "text[0]"),
        (request(b"ok", b"\xff"), "INVALID_ARGUMENT", "text[1]"),
        (request(b"x" * 10_001), "INVALID_ARGUMENT", "text[0]"),
        (request(*[b"x"] * 129), "INVALID_ARGUMENT", "text"),
        (wrong(name="texts"), "INVALID_ARGUMENT", "inputs"),
        (wrong(datatype="FP32"), "INVALID_ARGUMENT", "text"),
        (asking_for("mood"), "INVALID_ARGUMENT", "outputs"),
        (
            protocol.ModelInferRequest(model_name="full"),
            "INVALID_ARGUMENT",
            "inputs",
        ),
        (protocol.ModelInferRequest(model_name="nobody"), "NOT_FOUND", "model"),
        (
            protocol.ModelInferRequest(model_name="full", model_version="2"),
            "NOT_FOUND",
            "version",
        ),
    ],
)
async def test_what_is_wrong_is_refused_by_name(
    client: Client, asked: protocol.ModelInferRequest, code: str, field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.call("ModelInfer", asked)
    assert refused.value.code().name == code
    assert str(refused.value.details()).startswith(f"{field}: ")


async def test_raw_contents_that_are_cut_off_are_refused(client: Client) -> None:
    asked = request(b"odd", raw=True)
    asked.raw_input_contents[0] = asked.raw_input_contents[0][:-1]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.call("ModelInfer", asked)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_client_s_deadline_holds_in_the_queue_too(client: Client) -> None:
    client.tier.gate.clear()
    with pytest.raises(grpc.aio.AioRpcError) as late:
        await client.call("ModelInfer", request(b"odd"), seconds=0.2)
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    client.tier.gate.set()


async def test_calls_have_no_more_time_to_end_than_the_server_has() -> None:
    tier = LengthTier()
    async with running(tier, settings=SETTINGS) as app:
        tier.gate.clear()
        server = serving(app, SETTINGS, 0)
        port = await server.__aenter__()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            client = Client(channel, tier)
            hanging = asyncio.create_task(client.call("ModelInfer", request(b"odd")))
            await started(tier)
            app.drain(0.1)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await client.call("ModelInfer", request(b"even"))
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
            async with asyncio.timeout(5.0):
                await server.__aexit__(None, None, None)
            with pytest.raises(grpc.aio.AioRpcError):
                await hanging


async def test_a_failing_model_is_an_internal_error(client: Client) -> None:
    client.tier.broken = True
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await client.call("ModelInfer", request(b"odd"))
    assert failed.value.code() is grpc.StatusCode.INTERNAL
