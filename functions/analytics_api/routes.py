"""HTTP to use case: analytics."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from customerai.domain import cache_tags
from customerai.domain.rollup import counters_of
from customerai.ports import Rollups, States
from customerai.usecases.summarise import summarise, summarise_by_window
from customerai_http.auth import Principal, Require
from customerai_http.problems import documented
from customerai_http.queries import described, query
from customerai_http.readings import CONSISTENCY, explained, is_strong, selected
from customerai_http.reads import ReadRoute
from customerai_http.representations import negotiated, preferred, respond
from customerai_http.response_cache import Compute, Question, ResponseCache
from functions.analytics_api.wire import (
    Point,
    RangeParameters,
    Series,
    SeriesParameters,
    Summary,
    SummaryParameters,
)

Analyst = Annotated[Principal, Depends(Require("analytics:read"))]
_CONSISTENCY = {
    **CONSISTENCY,
    "description": "`strong`, or the `Consistency` header of the answer to your write, has the "
    "numbers added up anew. They follow a write within seconds in any case.",
}


def build_router(*, rollups: Rollups, states: States, responses: ResponseCache) -> APIRouter:
    router = APIRouter(
        prefix="/v1/analytics",
        tags=["Analytics"],
        responses=documented(401, 403, 422, 503),
        route_class=ReadRoute,
    )

    async def answer(
        request: Request,
        principal: Principal,
        parameters: RangeParameters,
        route: str,
        *asked: object,
        compute: Compute,
    ) -> Response:
        headers = request.headers
        question = Question(
            principal.tenant,
            route,
            (*asked, preferred(headers.get("accept"))),
            (cache_tags.analytics(principal.tenant),),
        )
        strong = is_strong(headers.get("consistency"))
        with explained(principal, parameters.explain):
            return await responses.answer(question, compute, strong=strong)

    @router.get(
        "/summary",
        responses=negotiated(Summary) | documented(400),
        openapi_extra=described(SummaryParameters, _CONSISTENCY),
    )
    async def summary(
        request: Request,
        principal: Analyst,
        parameters: Annotated[SummaryParameters, query(SummaryParameters)],
    ) -> Response:
        """Count interactions by sentiment and channel, with their mean score."""
        channels, fields = parameters.channels(), selected(*parameters.chosen())
        start, end = parameters.bounds(datetime.now(UTC))

        async def summed() -> Response:
            totals = await summarise(
                principal.tenant,
                start,
                end,
                counters_of(fields, channels),
                rollups=rollups,
                states=states,
            )
            found = Summary.of(totals, channels, start=start, end=end)
            return respond(found.told(fields), request)

        asked = (start, end, channels, sorted(fields))
        return await answer(request, principal, parameters, "summary", *asked, compute=summed)

    @router.get(
        "/timeseries",
        responses=negotiated(Series) | documented(400),
        openapi_extra=described(SeriesParameters, _CONSISTENCY),
    )
    async def timeseries(
        request: Request,
        principal: Analyst,
        parameters: Annotated[SeriesParameters, query(SeriesParameters)],
    ) -> Response:
        """The same numbers hour by hour or day by day, in UTC."""
        channels, fields = parameters.channels(), selected(*parameters.chosen())
        interval = parameters.interval
        start, end = parameters.bounds(datetime.now(UTC))

        async def counted() -> Response:
            windows = summarise_by_window(
                principal.tenant,
                interval,
                start,
                end,
                counters_of(fields, channels),
                rollups=rollups,
                states=states,
            )
            points = [Point.of(totals, channels, start=window) async for window, totals in windows]
            found = Series(start=start, end=end, interval=interval, points=points)
            return respond(found.told(fields), request)

        asked = (interval, start, end, channels, sorted(fields))
        return await answer(request, principal, parameters, "timeseries", *asked, compute=counted)

    return router
