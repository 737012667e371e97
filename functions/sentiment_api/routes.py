"""HTTP to use case: sentiment of texts that are not stored."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from customerai.domain.interaction import Text
from customerai.domain.sentiment import MAX_CALL_CHARACTERS, MAX_CALL_TEXTS, Sentiment
from customerai.ports import SentimentModel
from customerai_http.auth import Principal, bearer, require
from customerai_http.problems import documented

Analyst = Annotated[Principal, Depends(require("sentiment:analyse"))]
_ANSWER: JsonDict = {
    "label": "positive",
    "scores": {"negative": 0.02, "neutral": 0.09, "positive": 0.89},
    "model": "minilm-l6-sentiment-1",
}


def _not_too_long(texts: list[str]) -> list[str]:
    if sum(map(len, texts)) > MAX_CALL_CHARACTERS:
        raise ValueError(f"hold more than {MAX_CALL_CHARACTERS:,} characters together")
    return texts


class SentimentRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"text": "Delivered a day early, and it fits!"}]},
    )

    text: Text


class SentimentBatch(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"texts": ["Delivered a day early!", "It broke."]}]},
    )

    texts: Annotated[
        list[Text],
        Field(
            min_length=1,
            max_length=MAX_CALL_TEXTS,
            description=f"Up to {MAX_CALL_CHARACTERS:,} characters together.",
        ),
        AfterValidator(_not_too_long),
    ]


class SentimentResults(BaseModel):
    """One answer a text, in order."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"results": [_ANSWER]}]})

    results: list[Sentiment]


def build_router(*, model: SentimentModel) -> APIRouter:
    router = APIRouter(
        prefix="/v1/sentiment",
        tags=["Sentiment"],
        dependencies=[bearer()],
        responses=documented(401, 403, 413, 422, 503),
    )

    @router.post("", responses={200: {"content": {"application/json": {"example": _ANSWER}}}})
    async def analyse_text(body: SentimentRequest, _: Analyst) -> Sentiment:
        """Analyse one text now; nothing is stored."""
        return model.analyse([body.text])[0]

    @router.post("/batch")
    async def analyse_texts(body: SentimentBatch, _: Analyst) -> SentimentResults:
        """Analyse up to 100 texts now; nothing is stored."""
        return SentimentResults(results=model.analyse(body.texts))

    return router
