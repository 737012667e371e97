"""The sentiment API through its Lambda handler, over the lexicon."""

from collections.abc import Sequence
from typing import Any

import pytest

from customerai.adapters.memory.sentiment_model import LexiconSentimentModel
from customerai.domain.errors import ModelRejectedError, UnavailableError
from customerai.domain.sentiment import Sentiment
from customerai.ports import SentimentModel
from customerai_http.app import create_app, lambda_handler
from functions.sentiment_api import routes
from tests.conftest import LambdaContext
from tests.http_events import http_event, json_body


def call(body: object, path: str = "", model: SentimentModel | None = None, **more: Any) -> Any:
    router = routes.build_router(model=model or LexiconSentimentModel())
    handler = lambda_handler(create_app("test", router))
    return handler(http_event("POST", f"/v1/sentiment{path}", body, **more), LambdaContext())  # type: ignore[arg-type]


def test_one_text() -> None:
    answer = call({"text": "I love it, great!"})
    assert answer["statusCode"] == 200
    assert json_body(answer) == {
        "label": "positive",
        "scores": {"negative": 0.05, "neutral": 0.15, "positive": 0.8},
        "model": "lexicon-1",
    }


def test_many_texts_in_order() -> None:
    answer = call({"texts": ["awful", "great", "a chair"]}, "/batch")
    labels = [result["label"] for result in json_body(answer)["results"]]
    assert labels == ["negative", "positive", "neutral"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("", {}, "text"),
        ("", {"text": ""}, "text"),
        ("", {"text": "x" * 10_001}, "text"),
        ("", {"text": "fine", "lang": "en"}, "lang"),
        ("/batch", {"texts": []}, "texts"),
        ("/batch", {"texts": ["fine", " "]}, "texts[1]"),
        ("/batch", {"texts": ["fine"] * 101}, "texts"),
        ("/batch", {"texts": ["x" * 10_000] * 11}, "texts"),
    ],
)
def test_bad_input_is_named(path: str, body: object, field: str) -> None:
    answer = call(body, path)
    assert answer["statusCode"] == 422
    assert [each["field"] for each in json_body(answer)["errors"]] == [field]


def test_it_needs_its_scope() -> None:
    assert call({"text": "fine"}, scopes="analytics:read")["statusCode"] == 403
    assert call({"text": "fine"}, tenant=None)["statusCode"] == 401


@pytest.mark.parametrize(
    ("error", "status"), [(UnavailableError("model", 7), 503), (ModelRejectedError("no"), 422)]
)
def test_a_model_that_fails_is_told_apart_from_one_that_refuses(
    error: Exception, status: int
) -> None:
    class Failing(LexiconSentimentModel):
        def analyse(self, texts: Sequence[str]) -> list[Sentiment]:
            raise error

    answer = call({"text": "fine"}, model=Failing())
    assert answer["statusCode"] == status
    assert answer["headers"].get("retry-after") == ("7" if status == 503 else None)
