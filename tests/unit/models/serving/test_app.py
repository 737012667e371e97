"""The server's contract, over models that answer as they are told."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from importlib import metadata

import msgspec
import pytest

from models.serving.adapters import language, topics
from models.serving.messages import Request, Response
from models.serving.settings import ServerSettings
from models.topics.calibration import ARTIFACT as CALIBRATION
from tests.unit.models.serving.asking import content, post
from tests.unit.models.serving.length_tier import LengthTier, running

SETTINGS = ServerSettings(workers=2)
PATHS = ["/invocations", "/endpoints/sentiment/invocations"]


@pytest.mark.parametrize("path", PATHS)
async def test_results_come_in_the_order_of_the_texts(path: str) -> None:
    async with running(LengthTier(), settings=SETTINGS) as app:
        response = await app.handle(post({"texts": ["odd", "even"]}, path))
    assert response.status == 200
    assert response.media_type == "application/json"
    common = {"model": "length-full", "tier": "full", "abstained": False}
    assert content(response) == {
        "model": "length-full",
        "results": [
            {
                "label": "negative",
                "scores": {"negative": 0.75, "neutral": 0.0, "positive": 0.25},
                **common,
            },
            {
                "label": "positive",
                "scores": {"negative": 0.25, "neutral": 0.0, "positive": 0.75},
                **common,
            },
        ],
    }


TOPIC = {"id": "t", "label": "Delivery", "examples": []}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[" * 100_000, "body"),
        (b'"\xff"', "body"),
        (b'{"texts": ["\xff"]}', "body"),
        (b"[]", "body"),
        (b"{}", "texts"),
        (b'{"texts": "one"}', "texts"),
        (b'{"texts": []}', "texts"),
        ({"texts": ["a"] * 129}, "texts"),
        (b'{"texts": ["a", ""]}', "texts[1]"),
        (b'{"texts": ["a", "b", null]}', "texts[2]"),
        ({"texts": ["a" * 10_001]}, "texts[0]"),
        (b'{"texts": ["a"], "language": "en"}', "language"),
        ({"texts": ["a"], "tier": "huge"}, "tier"),
        ({"texts": ["a"], "include": ["mood"]}, "include[0]"),
        ({"texts": ["a"], "include": ["topics"]}, "topics"),
        ({"texts": ["a"], "topics": [TOPIC]}, "topics"),
        ({"texts": ["a"], "include": ["topics"], "topics": []}, "topics"),
        ({"texts": ["a"], "include": ["topics"], "topics": [TOPIC | {"id": ""}]}, "topics[0].id"),
        ({"texts": ["a"], "include": ["topics"], "topics": [{"id": "t"}]}, "topics[0].label"),
        (
            {"texts": ["a"], "include": ["topics"], "topics": [TOPIC | {"examples": ["x" * 501]}]},
            "topics[0].examples[0]",
        ),
        (
            {"texts": ["a"], "include": ["topics"], "topics": [TOPIC | {"x": 1}]},
            "topics[0].x",
        ),
    ],
)
async def test_bad_input_is_a_400_that_names_the_field(path: str, body: object, field: str) -> None:
    async with running(LengthTier(), settings=SETTINGS) as app:
        response = await app.handle(post(body, path))
    answer = content(response)
    if path == "/invocations":
        assert response.status == 400
        assert set(answer) == {"code", "message"}
        assert answer["code"] == "ValidationError"
        assert answer["message"].startswith(f"{field}: ")
    else:
        assert response.status == 424
        assert response.headers["x-amzn-errortype"] == "ModelError"
        assert answer["OriginalStatusCode"] == 400
        assert answer["OriginalMessage"].startswith(f"{field}: ")


async def test_the_largest_allowed_request_is_served() -> None:
    body = json.dumps({"texts": ["\u00e9" * 10_000] * 128}, ensure_ascii=False).encode()
    async with running(LengthTier(), settings=SETTINGS) as app:
        response = await app.handle(post(body))
    assert response.status == 200
    assert len(content(response)["results"]) == 128


async def test_messagepack_has_the_same_shape_both_ways() -> None:
    body = msgspec.msgpack.encode({"texts": ["odd", "even"], "tier": "full"})
    async with running(LengthTier(), settings=SETTINGS) as app:
        packed = await app.handle(
            post(body, content_type="application/msgpack", accept="application/msgpack")
        )
        plain = await app.handle(post(body, content_type="application/msgpack"))
        broken = await app.handle(post(b"\x81\xa5texts", content_type="application/msgpack"))
    assert packed.media_type == "application/msgpack"
    assert msgspec.msgpack.decode(packed.body) == content(plain)
    assert broken.status == 400
    assert content(broken)["message"].startswith("body: not valid MessagePack")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"content_type": "text/csv"}, 415, "UnsupportedMediaType"),
        ({"content_type": "Application/JSON; charset=utf-8"}, 200, None),
        ({"accept": "text/csv"}, 406, "NotAcceptable"),
        ({"accept": "application/json;q=0"}, 406, "NotAcceptable"),
        ({"accept": "text/html, */*;q=0.1"}, 200, None),
    ],
)
async def test_formats_that_are_not_spoken_are_refused(
    headers: dict[str, str], status: int, code: str | None
) -> None:
    async with running(LengthTier(), settings=SETTINGS) as app:
        response = await app.handle(post({"texts": ["a"]}, **headers))
    assert response.status == status
    assert content(response).get("code") == code


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "NotFound"),
        ("GET", "/invocations", 405, "MethodNotAllowed"),
        ("POST", "/ping", 405, "MethodNotAllowed"),
        ("POST", "/endpoints/a/b/invocations", 404, "NotFound"),
        ("POST", "/models/nobody/invocations", 404, "NotFound"),
        ("POST", "/invocations?model=nobody", 404, "NotFound"),
    ],
)
async def test_other_routes_are_refused_in_json(
    method: str, path: str, status: int, code: str
) -> None:
    async with running(LengthTier(), settings=SETTINGS) as app:
        request = replace(post({"texts": ["a"]}, path), method=method)
        response = await app.handle(request)
    assert response.status == status
    assert content(response)["code"] == code


@pytest.mark.parametrize("path", ["/models/fast/invocations", "/invocations?model=fast"])
async def test_one_model_can_be_asked_by_itself(path: str) -> None:
    async with running(LengthTier(), LengthTier("fast"), settings=SETTINGS) as app:
        response = await app.handle(post({"texts": ["odd", "even"]}, path))
    answer = content(response)
    assert answer["model"] == "length-fast"
    assert [result["label"] for result in answer["results"]] == ["negative", "positive"]


async def test_a_cascade_asks_the_encoder_where_the_static_tier_is_unsure() -> None:
    sure, unsure = LengthTier("static", top=0.95), LengthTier("static", top=0.8)
    full = LengthTier(top=0.7)
    body = {"texts": ["odd", "even"], "tier": "cascade"}
    async with running(full, sure, settings=SETTINGS) as app:
        answer = content(await app.handle(post(body)))
    assert answer["model"] == "length-static+length-full"
    assert [result["tier"] for result in answer["results"]] == ["static", "static"]
    assert full.seen == []
    async with running(full, unsure, settings=SETTINGS) as app:
        answer = content(await app.handle(post(body)))
    assert [result["tier"] for result in answer["results"]] == ["full", "full"]
    assert [result["model"] for result in answer["results"]] == ["length-full"] * 2


async def test_an_answer_that_is_not_sure_enough_abstains() -> None:
    async with running(LengthTier(top=0.55), settings=SETTINGS) as app:
        answer = content(await app.handle(post({"texts": ["odd"]})))
    assert answer["results"][0]["abstained"] is True


async def test_models_says_what_is_loaded() -> None:
    async with running(LengthTier(), settings=SETTINGS) as app:
        response = await app.handle(Request("GET", "/models"))
    assert content(response) == {
        "models": [{"name": "full", "version": "length-full", "bytes": 2**20, "limit_bytes": 2**21}]
    }


def models_named_by(response: Response) -> str | None:
    return response.headers.get("X-Amzn-SageMaker-Custom-Attributes")


@pytest.mark.parametrize("path", [*PATHS, "/invocations?model=fast", "/models/fast/invocations"])
@pytest.mark.parametrize("kind", ["application/json", "application/msgpack"])
async def test_every_answer_names_the_models_that_are_loaded(path: str, kind: str) -> None:
    pairs = b'[["fast","length-fast"],["full","length-full"]]'
    async with running(LengthTier(), LengthTier("fast"), settings=SETTINGS) as app:
        response = await app.handle(post({"texts": ["a"]}, path, accept=kind))
    assert (response.status, response.media_type) == (200, kind)
    assert models_named_by(response) == "models=" + hashlib.sha256(pairs).hexdigest()[:16]


async def test_another_version_of_any_model_has_another_name_whatever_the_order() -> None:
    async def name(*tiers: LengthTier) -> str | None:
        async with running(*tiers, settings=SETTINGS) as app:
            return models_named_by(await app.handle(post({"texts": ["a"]})))

    newer = LengthTier("fast")
    newer.version = "length-fast-2"
    usual = await name(LengthTier(), LengthTier("fast"))
    assert await name(LengthTier("fast"), LengthTier()) == usual
    others = [await name(LengthTier(), newer), await name(LengthTier())]
    assert len({usual, *others}) == 3


def test_models_without_a_version_of_their_own_are_told_apart_by_what_they_learned() -> None:
    learned = hashlib.sha256(CALIBRATION.read_bytes()).hexdigest()
    assert topics.load("topics").version == f"topics-{learned[:8]}"
    assert language.load("language").version == f"py3langid-{metadata.version('py3langid')}"


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_no_answer_names_no_models(path: str) -> None:
    async with running(LengthTier(), settings=SETTINGS) as app:
        response = await app.handle(post({"texts": []}, path))
    assert response.status in {400, 424}
    assert models_named_by(response) is None


async def test_metrics_count_what_happened() -> None:
    async with running(LengthTier(), settings=SETTINGS) as app:
        await app.handle(post({"texts": ["four", "five5"]}))
        await app.handle(post({"texts": []}))
        text = (await app.handle(Request("GET", "/metrics"))).body.decode()
    assert 'serving_requests_total{status="200"} 1\n' in text
    assert 'serving_requests_total{status="400"} 1\n' in text
    assert 'serving_queue_seconds_count{model="full"} 1\n' in text
    assert 'serving_compute_seconds_bucket{model="full",le="+Inf"} ' in text
    assert 'serving_batch_size_sum{model="full"} 2.0' in text
    assert "serving_queued_tokens 0\n" in text
