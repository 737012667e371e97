"""The server's contract, over a predictor that answers as it is told."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from starlette.testclient import TestClient

from customerai.domain.sentiment import SentimentLabel
from models.serving.app import create_app
from models.serving.settings import PORT_VARIABLE, ServerSettings, from_environment

SETTINGS = ServerSettings()
PATHS = ["/invocations", "/endpoints/sentiment/invocations"]


class LengthPredictor:
    """Calls texts of even length positive and of odd length negative; holds on to a gate."""

    version = "length-1"

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.started = threading.Semaphore(0)
        self.broken = False
        self.closed = False

    def predict(self, texts: Sequence[str]) -> list[Mapping[SentimentLabel, float]]:
        self.started.release()
        self.gate.wait()
        if self.broken:
            raise RuntimeError("no weights")
        even = [float(len(text) % 2 == 0) for text in texts]
        return [
            {
                SentimentLabel.NEGATIVE: 0.75 - 0.5 * value,
                SentimentLabel.NEUTRAL: 0.0,
                SentimentLabel.POSITIVE: 0.25 + 0.5 * value,
            }
            for value in even
        ]

    def close(self) -> None:
        self.closed = True


@asynccontextmanager
async def serving(
    predictor: LengthPredictor, settings: ServerSettings = SETTINGS
) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(predictor, settings), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://model") as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
async def test_results_come_in_the_order_of_the_texts(path: str) -> None:
    async with serving(LengthPredictor()) as client:
        response = await client.post(path, json={"texts": ["odd", "even"]})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "model": "length-1",
        "results": [
            {
                "label": "negative",
                "scores": {"negative": 0.75, "neutral": 0.0, "positive": 0.25},
            },
            {
                "label": "positive",
                "scores": {"negative": 0.25, "neutral": 0.0, "positive": 0.75},
            },
        ],
    }


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[" * 100_000, "body"),
        (b'"\xff"', "body"),
        (b"[]", "body"),
        (b"{}", "texts"),
        (b'{"texts": "one"}', "texts"),
        (b'{"texts": []}', "texts"),
        (json.dumps({"texts": ["a"] * 129}).encode(), "texts"),
        (b'{"texts": ["a", ""]}', "texts[1]"),
        (b'{"texts": ["a", "b", null]}', "texts[2]"),
        (json.dumps({"texts": ["a" * 10_001]}).encode(), "texts[0]"),
        (b'{"texts": ["a"], "language": "en"}', "language"),
    ],
)
async def test_bad_input_is_a_400_that_names_the_field(path: str, body: bytes, field: str) -> None:
    async with serving(LengthPredictor()) as client:
        response = await client.post(path, content=body)
    answer = response.json()
    if path == "/invocations":
        assert response.status_code == 400
        assert set(answer) == {"code", "message"}
        assert answer["code"] == "ValidationError"
        assert answer["message"].startswith(f"{field}: ")
    else:
        assert response.status_code == 424
        assert response.headers["x-amzn-errortype"] == "ModelError"
        assert answer["OriginalStatusCode"] == 400
        assert answer["OriginalMessage"].startswith(f"{field}: ")


async def test_the_largest_allowed_request_is_served() -> None:
    texts = ["\u00e9" * 10_000] * 128
    async with serving(LengthPredictor()) as client:
        body = json.dumps({"texts": texts}, ensure_ascii=False).encode()
        response = await client.post("/invocations", content=body)
    assert response.status_code == 200
    assert len(response.json()["results"]) == 128


async def test_a_body_over_the_limit_is_a_413_whether_declared_or_streamed() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * 500

    async with serving(LengthPredictor(), replace(SETTINGS, most_body_bytes=1000)) as client:
        declared = await client.post("/invocations", content=b" " * 1001)
        streamed = await client.post("/invocations", content=chunks())
    for response in (declared, streamed):
        assert response.status_code == 413
        assert response.json()["code"] == "PayloadTooLarge"
        assert response.json()["message"].startswith("body: ")


async def test_a_full_queue_is_a_503_that_says_when_to_come_back() -> None:
    predictor = LengthPredictor()
    predictor.gate.clear()
    settings = replace(SETTINGS, concurrent_requests=1, pending_requests=2)
    async with serving(predictor, settings) as client:

        async def ask() -> httpx.Response:
            return await client.post("/invocations", json={"texts": ["a"]})

        running = [asyncio.create_task(ask()) for _ in range(3)]
        done, waiting = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        predictor.gate.set()
        refused = done.pop().result()
        answered = [await task for task in waiting]
        after = await ask()
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["code"] == "ServiceUnavailable"
    assert [response.status_code for response in [*answered, after]] == [200, 200, 200]


async def test_inference_does_not_hold_up_the_event_loop() -> None:
    predictor = LengthPredictor()
    async with serving(predictor) as client:
        await client.post("/invocations", json={"texts": ["a"]})
        predictor.gate.clear()
        busy = asyncio.create_task(client.post("/invocations", json={"texts": ["b"]}))
        for _ in range(2):
            await asyncio.to_thread(predictor.started.acquire)
        assert (await client.get("/ping")).status_code == 200
        predictor.gate.set()
        assert (await busy).status_code == 200


async def test_ping_is_200_when_the_model_answers() -> None:
    async with serving(LengthPredictor()) as client:
        response = await client.get("/ping")
    assert response.status_code == 200


async def test_a_failing_model_is_a_500_and_an_unhealthy_ping_until_it_recovers() -> None:
    predictor = LengthPredictor()
    async with serving(predictor) as client:
        assert (await client.get("/ping")).status_code == 200
        predictor.broken = True
        failed = await client.post("/invocations", json={"texts": ["a"]})
        unhealthy = await client.get("/ping")
        predictor.broken = False
        recovered = await client.get("/ping")
    assert failed.status_code == 500
    assert failed.json() == {
        "code": "InternalFailure",
        "message": "the model failed on this request",
    }
    assert unhealthy.status_code == 503
    assert unhealthy.json()["code"] == "ServiceUnavailable"
    assert recovered.status_code == 200


async def test_a_model_that_hangs_is_unhealthy() -> None:
    predictor = LengthPredictor()
    predictor.gate.clear()
    async with serving(predictor, replace(SETTINGS, ping_seconds=0.0)) as client:
        response = await client.get("/ping")
        predictor.gate.set()
    assert response.status_code == 503


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "NotFound"),
        ("GET", "/invocations", 405, "MethodNotAllowed"),
        ("POST", "/ping", 405, "MethodNotAllowed"),
        ("POST", "/endpoints/a/b/invocations", 404, "NotFound"),
    ],
)
async def test_other_routes_are_refused_in_json(
    method: str, path: str, status: int, code: str
) -> None:
    async with serving(LengthPredictor()) as client:
        response = await client.request(method, path)
    assert response.status_code == status
    assert response.json()["code"] == code


def test_shutting_down_closes_the_predictor() -> None:
    predictor = LengthPredictor()
    with TestClient(create_app(predictor, SETTINGS)) as client:
        assert client.get("/ping").status_code == 200
        assert not predictor.closed
    assert predictor.closed


def test_the_port_comes_from_sagemaker_where_it_gives_one() -> None:
    assert from_environment({}).port == 8080
    assert from_environment({PORT_VARIABLE: "9000"}).port == 9000
    for bad in ("", "http", "0", "70000"):
        with pytest.raises(ValueError, match=PORT_VARIABLE):
            from_environment({PORT_VARIABLE: bad})
