"""What a request may include, and what becomes of what the server or the models cannot say."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from customerai.domain.analysis import (
    Aspect,
    Intent,
    IntentMatch,
    Language,
    Urgency,
    UrgencyMatch,
)
from customerai.domain.sentiment import SentimentLabel
from models.serving.adapters.sentiment import ASPECTS
from models.serving.model import Lane
from models.serving.settings import ServerSettings
from models.serving.tickets import LaneLimits
from models.topics.calibration import FEATURES, Calibration
from models.topics.matcher import TopicMatcher
from tests.unit.models.serving.asking import content, post, started
from tests.unit.models.serving.length_tier import LengthTier, running

SETTINGS = ServerSettings(workers=1)
PATHS = ["/invocations", "/endpoints/sentiment/invocations"]
TOPIC = {"id": "t", "label": "Delivery", "examples": ["late"]}


class AspectTier(LengthTier):
    """Finds the first letter of every text."""

    finds_aspects = True

    def __init__(self) -> None:
        super().__init__()
        self.lanes = {**self.lanes, self.name + ASPECTS: Lane(self._both, LaneLimits())}

    def aspects(self, text: str, answers: Sequence[Any]) -> list[Aspect]:
        return [Aspect(text[0], 0, 1, SentimentLabel.POSITIVE, 0.9)]

    def _both(self, texts: Sequence[str]) -> list[tuple[list[float], None]]:
        return [(row, None) for row in self._run(texts)]


class Embeddings(LengthTier):
    """Every text lies in the same direction."""

    field = "embeddings"

    def __init__(self) -> None:
        super().__init__("embeddings")

    def vector(self, units: Sequence[str], answers: Sequence[Any]) -> Any:
        return np.ones(2, dtype=np.float32)


class Matcher(TopicMatcher):
    """Everything is about everything."""

    name, version = "topics", ""

    def __init__(self) -> None:
        super().__init__(calibration=Calibration(0.0, (0.0,) * len(FEATURES), 0.4))


class Intents:
    name, version = "intents", ""

    def classify(self, vectors: Any) -> list[Any]:
        found = IntentMatch(Intent.REFUND, 0.9), UrgencyMatch(Urgency.HIGH, 0.8)
        return [found for _ in vectors]


class Languages:
    """What begins with `Der` is German."""

    name, version = "language", ""

    def detect(self, text: str) -> Language:
        return Language("de", 0.99, False) if text.startswith("Der") else Language("en", 0.9, True)

    def supported(self, text: str) -> bool:
        return self.detect(text).supported


def everything() -> list[Any]:
    return [AspectTier(), Embeddings(), Matcher(), Intents(), Languages()]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("media_type", ["application/json", "application/msgpack"])
async def test_what_no_model_finds_is_left_out_and_named(path: str, media_type: str) -> None:
    encode, decode = (
        (msgspec.json.encode, msgspec.json.decode)
        if media_type == "application/json"
        else (msgspec.msgpack.encode, msgspec.msgpack.decode)
    )
    asked = {"texts": ["odd"], "include": ["urgency", "topics", "intent", "aspects", "language"]}
    async with running(LengthTier(), settings=SETTINGS) as app:
        bodies = [
            encode(asked | {"topics": [TOPIC]}),
            encode({"texts": ["odd"], "include": ["aspects"], "tier": "full"}),
            encode({"texts": ["odd"]}),
        ]
        kinds = {"content_type": media_type, "accept": media_type}
        answers = [await app.handle(post(body, path, **kinds)) for body in bodies]
    assert [answer.status for answer in answers] == [200] * 3
    everything_asked, one, nothing = (decode(answer.body) for answer in answers)
    assert everything_asked["omitted"] == ["aspects", "intent", "language", "topics", "urgency"]
    assert one["omitted"] == ["aspects"]
    assert "omitted" not in nothing
    assert everything_asked["results"] == one["results"] == nothing["results"]


async def test_nothing_is_left_out_where_every_model_is_there() -> None:
    asked = {"texts": ["odd", "Der"], "include": ["aspects", "intent"], "tier": "full"}
    async with running(*everything(), settings=SETTINGS) as app:
        answer = content(await app.handle(post(asked)))
    assert "omitted" not in answer
    assert answer["results"][0]["intent"] == {"label": "refund", "confidence": 0.9}
    assert answer["results"][0]["aspects"][0]["words"] == "o"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("tier", "missing"), [("fast", "fast"), ("cascade", "static")])
async def test_a_tier_that_is_not_here_is_a_501(path: str, tier: str, missing: str) -> None:
    async with running(LengthTier(), settings=SETTINGS) as app:
        response = await app.handle(post({"texts": ["a"], "tier": tier}, path))
    answer = content(response)
    message = f"tier: this server has no model '{missing}'"
    if path == "/invocations":
        assert response.status == 501
        assert answer == {"code": "NotServed", "message": message}
    else:
        assert response.status == 424
        assert (answer["OriginalStatusCode"], answer["OriginalMessage"]) == (501, message)


ALL: dict[str, Any] = {"include": ["aspects", "topics", "intent", "urgency"], "topics": [TOPIC]}


@pytest.mark.parametrize("language", [True, False])
@pytest.mark.parametrize("more", [{}, ALL])
async def test_every_answer_abstains_from_a_language_that_is_not_known(
    more: dict[str, Any], language: bool
) -> None:
    asked: dict[str, Any] = {"texts": ["Der Gurt riss", "The strap broke"], **more}
    if language:
        asked["include"] = [*asked.get("include", []), "language"]
    async with running(*everything(), settings=SETTINGS) as app:
        german, english = content(await app.handle(post(asked)))["results"]
    assert [german["abstained"], english["abstained"]] == [True, False]
    assert ("language" in german) is language
    if more:
        assert [german[name] for name in ALL["include"]] == [[], [], None, None]
        assert all(english[name] for name in ALL["include"])
    else:
        assert not {*ALL["include"]} & (german.keys() | english.keys())


async def test_topics_that_nobody_waits_for_are_no_longer_embedded() -> None:
    """Neither a client that has gone nor a deadline keeps the server from stopping."""
    embeddings = Embeddings()
    models = [LengthTier(), embeddings, Matcher()]
    asked = {"texts": ["a"], "include": ["topics"]}
    examples = [TOPIC | {"examples": [f"example {n}" for n in range(20)]}]
    async with running(*models, settings=SETTINGS) as app:
        assert (await app.handle(post({**asked, "topics": [TOPIC]}))).status == 200
        await started(embeddings, runs=2)
        ask = post({**asked, "topics": examples})
        embeddings.gate.clear()
        gone = asyncio.create_task(app.handle(ask))
        await started(embeddings)
        embeddings.gate.set()
        await started(embeddings)
        embeddings.gate.clear()
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone
        hurried = post(
            {**asked, "topics": examples}, x_amzn_sagemaker_custom_attributes="timeout-ms=50"
        )
        late = await app.handle(replace(hurried, source=2))
        assert late.status in {503, 504}
        assert app.engine.queued_items == 0
        embeddings.gate.set()
        app.close()
    assert sum(map(len, embeddings.seen)) < 20
