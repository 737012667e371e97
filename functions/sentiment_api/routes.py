"""HTTP to use case: analyses of texts that are not stored."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends

from customerai.domain.analysis import Feature, RequestedTier
from customerai.observability.telemetry import MetricUnit, logger, metrics
from customerai.ports import FallbackAnalyser, TaxonomyReader, TextAnalyser
from customerai.usecases.analyse_texts import analyse_texts
from customerai_http.auth import Principal, Require
from customerai_http.problems import documented
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
            logger.warning("answered by the static tier", exc_info=answers.outage)
        return [SentimentAnswer.of(each, include, degraded=degraded) for each in answers.analyses]

    @router.post(
        "",
        response_model_exclude_unset=True,
        responses={200: {"content": {"application/json": {"examples": _EXAMPLES}}}},
    )
    async def analyse_text(body: SentimentRequest, principal: Analyst) -> SentimentAnswer:
        """Analyse one text now; nothing is stored.

        While the models do not answer, the static tier answers for the sentiment alone.
        """
        answers = await analyse(principal.tenant, [body.text], body.tier, body.include)
        return answers[0]

    @router.post("/batch", response_model_exclude_unset=True)
    async def analyse_batch(body: SentimentBatch, principal: Analyst) -> SentimentResults:
        """Analyse up to 100 texts now; nothing is stored.

        While the models do not answer, the static tier answers for the sentiment alone.
        """
        return SentimentResults(
            results=await analyse(principal.tenant, body.texts, body.tier, body.include)
        )

    return router
