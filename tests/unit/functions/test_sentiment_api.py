"""The sentiment API through its Lambda handler, over the lexicon."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from customerai.adapters.memory.taxonomies import MemoryTaxonomies
from customerai.adapters.memory.text_analyser import LexiconTextAnalyser
from customerai.adapters.static_analyser import StaticAnalyser
from customerai.domain.analysis import Analysis, AnalysisOptions, Feature
from customerai.domain.errors import ModelRejectedError, UnavailableError
from customerai.domain.taxonomy import Taxonomy, Topic
from customerai.ports import TextAnalyser
from customerai_http.app import create_app, lambda_handler
from functions.sentiment_api import routes
from tests.conftest import LambdaContext
from tests.http_events import http_event, json_body

TEXT = "The tent is great, but I want a refund for the pole."
EVERYTHING = ["aspects", "topics", "intent", "urgency", "language"]
OWN = Taxonomy.of([Topic("poles", "The pole", ()), Topic("bags", "Bags", ())])


class SmallModel:
    """As the static tier's package, which has an artefact of its own."""

    version = "small-1"
    abstain_below = 0.5
    loaded = 0

    @classmethod
    def load(cls) -> "SmallModel":
        cls.loaded += 1
        return cls()

    def probabilities(self, texts: Sequence[str]) -> list[list[float]]:
        return [[0.7, 0.2, 0.1] if "broke" in text else [0.3, 0.4, 0.3] for text in texts]


@pytest.fixture(autouse=True)
def _not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SmallModel, "loaded", 0)


def call(
    body: object,
    path: str = "",
    analyser: TextAnalyser | None = None,
    taxonomies: MemoryTaxonomies | None = None,
    **more: Any,
) -> Any:
    router = routes.build_router(
        analyser=analyser or LexiconTextAnalyser(),
        fallback=StaticAnalyser(SmallModel.load),
        taxonomies=taxonomies or MemoryTaxonomies({"acme": OWN}),
        answer_seconds=30,
    )
    handler = lambda_handler(create_app("test", router))
    return handler(http_event("POST", f"/v1/sentiment{path}", body, **more), LambdaContext())  # type: ignore[arg-type]


class Failing(LexiconTextAnalyser):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def analyse(
        self, texts: Sequence[str], options: AnalysisOptions, seconds: float
    ) -> list[Analysis]:
        raise self.error


def test_one_text() -> None:
    answer = call({"text": "I love it, great!"})
    assert answer["statusCode"] == 200
    assert json_body(answer) == {
        "label": "positive",
        "scores": {"negative": 0.05, "neutral": 0.15, "positive": 0.8},
        "confidence": 0.8,
        "abstained": False,
        "model": "lexicon-1",
        "tier": "full",
        "omitted": None,
    }
    assert SmallModel.loaded == 0


def test_many_texts_in_order() -> None:
    answer = call({"texts": ["awful", "great", "a chair"]}, "/batch")
    labels = [result["label"] for result in json_body(answer)["results"]]
    assert labels == ["negative", "positive", "neutral"]


def test_a_text_that_is_not_valid_keeps_no_other_from_its_answer() -> None:
    answer = call({"texts": ["great", " ", 7, "awful", "x" * 10_001]}, "/batch")
    assert answer["statusCode"] == 207
    results = json_body(answer)["results"]
    assert [each.get("label", each.get("status")) for each in results] == [
        "positive",
        422,
        422,
        "negative",
        422,
    ]
    assert [each["error"]["errors"][0]["field"] for each in results if "error" in each] == [
        "texts[1]",
        "texts[2]",
        "texts[4]",
    ]


def test_where_no_text_is_valid_nobody_is_asked() -> None:
    answer = call({"texts": ["", " "]}, "/batch", analyser=Failing(AssertionError()))
    assert answer["statusCode"] == 207
    assert [each["status"] for each in json_body(answer)["results"]] == [422, 422]


@pytest.mark.parametrize(
    ("path", "body"), [("", {"text": "great"}), ("/batch", {"texts": ["great", ""]})]
)
def test_answers_in_messagepack(path: str, body: dict[str, Any]) -> None:
    packed = call(body, path, headers={"accept": "application/msgpack"})
    assert packed["headers"]["content-type"] == "application/msgpack"
    assert msgspec.msgpack.decode(base64.b64decode(packed["body"])) == json_body(call(body, path))


def test_everything_that_is_asked_for() -> None:
    body = json_body(call({"text": TEXT, "include": EVERYTHING}))
    assert [TEXT[each["start"] : each["end"]] for each in body["aspects"]] == ["tent", "pole"]
    assert body["aspects"][0] == {
        "words": "tent",
        "start": 4,
        "end": 8,
        "label": "positive",
        "confidence": 0.8,
    }
    assert body["topics"] == [{"id": "poles", "confidence": 0.7}]
    assert body["taxonomy"] == OWN.version
    assert body["intent"] == {"label": "refund", "confidence": 0.9}
    assert body["urgency"] == {"label": "normal", "confidence": 0.75}
    assert body["language"] == {"code": "en", "confidence": 0.95, "supported": True}
    assert body["omitted"] is None


def test_what_is_not_asked_for_is_not_there() -> None:
    body = json_body(call({"texts": ["great"], "include": ["intent"]}, "/batch"))
    (result,) = body["results"]
    assert set(result) & {*EVERYTHING, "taxonomy"} == {"intent"}
    assert result["intent"] is None  # not sure, and not left out
    assert result["omitted"] is None


def test_a_tenant_without_a_taxonomy_has_the_default_one() -> None:
    body = json_body(call({"text": "my delivery", "include": ["topics"]}, tenant="globex"))
    assert body["topics"] == [{"id": "delivery", "confidence": 0.7}]


@pytest.mark.parametrize("tier", ["full", "fast", "static"])
def test_a_tier_can_be_chosen(tier: str) -> None:
    assert json_body(call({"text": "great", "tier": tier}))["tier"] == tier


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("", {}, "text"),
        ("", {"text": ""}, "text"),
        ("", {"text": "x" * 10_001}, "text"),
        ("", {"text": "fine", "lang": "en"}, "lang"),
        ("", {"text": "fine", "tier": "slow"}, "tier"),
        ("", {"text": "fine", "include": "topics"}, "include"),
        ("/batch", {"texts": []}, "texts"),
        ("/batch", {"texts": ["fine"] * 101}, "texts"),
        ("/batch", {"texts": ["x" * 10_000] * 11}, "texts"),
    ],
)
def test_bad_input_is_named(path: str, body: object, field: str) -> None:
    answer = call(body, path)
    assert answer["statusCode"] == 422
    assert [each["field"] for each in json_body(answer)["errors"]] == [field]


def test_unknown_features_are_named() -> None:
    answer = call({"text": "fine", "include": ["topics", "mood", 7]})
    assert answer["statusCode"] == 422
    (error,) = json_body(answer)["errors"]
    assert error["field"] == "include"
    assert "'mood', 7" in error["message"]
    assert "aspects, topics, intent, urgency, language" in error["message"]


def test_it_needs_its_scope() -> None:
    assert call({"text": "fine"}, scopes="analytics:read")["statusCode"] == 403
    assert call({"text": "fine"}, tenant=None)["statusCode"] == 401


def test_what_the_model_refuses_the_fallback_is_not_asked() -> None:
    answer = call({"text": "fine"}, analyser=Failing(ModelRejectedError("no")))
    assert answer["statusCode"] == 422
    assert SmallModel.loaded == 0


def test_while_the_model_is_down_the_static_tier_answers_with_what_it_has(
    capsys: pytest.CaptureFixture[str],
) -> None:
    down = Failing(UnavailableError("model", 7))
    answer = call({"text": "It broke.", "include": EVERYTHING}, analyser=down)
    assert answer["statusCode"] == 200
    assert json_body(answer) == {
        "label": "negative",
        "scores": {"negative": 0.7, "neutral": 0.2, "positive": 0.1},
        "confidence": 0.7,
        "abstained": False,
        "model": "small-1",
        "tier": "static",
        **dict.fromkeys([*EVERYTHING, "taxonomy"]),
        "omitted": {"features": sorted(EVERYTHING), "reason": "model_unavailable"},
    }
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["StaticFallbacks"] for line in lines if "StaticFallbacks" in line] == [[1.0]]


def test_the_static_tier_abstains_where_it_would_rather_not_say() -> None:
    answer = call({"texts": ["it is"]}, "/batch", analyser=Failing(UnavailableError("model")))
    (result,) = json_body(answer)["results"]
    assert (result["label"], result["abstained"], result["omitted"]) == ("neutral", True, None)


@pytest.mark.parametrize("tier", ["full", "fast"])
def test_what_no_model_finds_is_told_apart_from_an_outage(tier: str) -> None:
    body = json_body(
        call(
            {"text": "fine", "tier": tier, "include": ["aspects", "topics", "intent"]},
            analyser=LexiconTextAnalyser(serves=frozenset({Feature.INTENT})),
        )
    )
    assert (body["tier"], body["aspects"], body["topics"], body["taxonomy"]) == (tier, *[None] * 3)
    assert body["omitted"] == {"features": ["aspects", "topics"], "reason": "not_served"}


def test_without_the_store_there_are_no_topics_and_so_no_answer() -> None:
    class Down(MemoryTaxonomies):
        async def get(self, tenant: str) -> Taxonomy | None:
            raise UnavailableError("store", 7)

    answer = call({"text": "fine", "include": ["topics"]}, taxonomies=Down())
    assert answer["statusCode"] == 503
    assert answer["headers"]["retry-after"] == "7"
    assert call({"text": "fine"}, taxonomies=Down())["statusCode"] == 200
