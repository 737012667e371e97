"""HTTP to use case: analyses of texts that are not stored."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from customerai.domain.analysis import Feature, RequestedTier
from customerai.domain.new_interaction import Text
from customerai.observability.telemetry import MetricUnit, logger, metrics
from customerai.ports import FallbackAnalyser, TaxonomyReader, TextAnalyser
from customerai.usecases.analyse_texts import analyse_texts
from customerai_http.auth import Principal, Require
from customerai_http.problems import documented, invalid
from customerai_http.representations import negotiated, respond
from functions.sentiment_api.wire import (
    ANSWER_EXAMPLE,
    DEGRADED_EXAMPLE,
    SentimentAnswer,
    SentimentBatch,
    SentimentRequest,
    SentimentResults,
)

Analyst = Annotated[Principal, Depends(Require("sentiment:analyse"))]
_EXAMPLES = {
    "whole": {"summary": "With everything", "value": ANSWER_EXAMPLE},
    "degraded": {"summary": "While the models do not answer", "value": DEGRADED_EXAMPLE},
}

_ANSWERED: dict[int | str, dict[str, Any]] = {
    200: {
        **negotiated(SentimentAnswer)[200],
        "content": {
            **negotiated(SentimentAnswer)[200]["content"],
            "application/json": {"examples": _EXAMPLES},
        },
    }
}
_TEXT: "TypeAdapter[str]" = TypeAdapter(Text)


def build_router(
    *,
    analyser: TextAnalyser,
    fallback: FallbackAnalyser,
    taxonomies: TaxonomyReader,
    answer_seconds: float,
) -> APIRouter:
    router = APIRouter(
        prefix="/v1/sentiment",
        tags=["Sentiment"],
        responses=documented(401, 403, 413, 422, 503),
    )

    async def analyse(
        tenant: str, texts: Sequence[str], tier: RequestedTier, include: frozenset[Feature]
    ) -> list[SentimentAnswer]:
        answers = await analyse_texts(
            tenant,
            texts,
            tier,
            include,
            analyser=analyser,
            fallback=fallback,
            taxonomies=taxonomies,
            seconds=answer_seconds,
        )
        degraded = answers.outage is not None
        if degraded:
            metrics.add_metric("StaticFallbacks", MetricUnit.Count, 1)
            logger.warning("answered by the static tier", reason=repr(answers.outage))
        return [SentimentAnswer.of(each, include, degraded=degraded) for each in answers.analyses]

    @router.post("", responses=_ANSWERED)
    async def analyse_text(
        request: Request, body: SentimentRequest, principal: Analyst
    ) -> Response:
        """Analyse one text now; nothing is stored.

        While the models do not answer, the static tier answers for the sentiment alone.
        """
        answers = await analyse(principal.tenant, [body.text], body.tier, body.include)
        return respond(_told(answers[0]), request)

    @router.post(
        "/batch", responses=negotiated(SentimentResults) | negotiated(SentimentResults, 207)
    )
    async def analyse_batch(request: Request, body: SentimentBatch, principal: Analyst) -> Response:
        """Analyse up to 100 texts now; nothing is stored. 207 where some of them are not valid.

        While the models do not answer, the static tier answers for the sentiment alone.
        """
        results: dict[int, dict[str, Any]] = {}
        texts: dict[int, str] = {}
        for place, text in enumerate(body.texts):
            try:
                texts[place] = _TEXT.validate_python(text)
            except ValidationError as error:
                problem = invalid(error.errors(), f"texts[{place}]")
                results[place] = {"status": problem.status, "error": problem.told()}
        status = 207 if results else 200
        if texts:
            answers = await analyse(principal.tenant, list(texts.values()), body.tier, body.include)
            results |= dict(zip(texts, map(_told, answers), strict=True))
        in_order = [results[place] for place in range(len(body.texts))]
        return respond({"results": in_order}, request, status=status)

    return router


def _told(answer: SentimentAnswer) -> dict[str, Any]:
    """What was asked for, and nothing else."""
    return answer.model_dump(mode="json", exclude_unset=True)
