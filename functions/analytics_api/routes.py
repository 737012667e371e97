"""HTTP to use case: analytics."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from customerai.ports import Rollups, States
from customerai.usecases.summarise import summarise, summarise_by_window
from customerai_http.auth import Principal, bearer, require
from customerai_http.problems import documented
from functions.analytics_api.wire import (
    Point,
    RangeParameters,
    Series,
    SeriesParameters,
    Summary,
)

Analyst = Annotated[Principal, Depends(require("analytics:read"))]


def build_router(*, rollups: Rollups, states: States) -> APIRouter:
    router = APIRouter(
        prefix="/v1/analytics",
        tags=["Analytics"],
        dependencies=[bearer()],
        responses=documented(401, 403, 422, 503),
    )

    @router.get("/summary")
    async def summary(
        principal: Analyst, parameters: Annotated[RangeParameters, Query()]
    ) -> Summary:
        """Count interactions by sentiment and channel, with their mean score."""
        start, end = parameters.bounds(datetime.now(UTC))
        totals = summarise(principal.tenant, start, end, rollups=rollups, states=states)
        return Summary.of(totals, parameters.channels(), start=start, end=end)

    @router.get("/timeseries")
    async def timeseries(
        principal: Analyst, parameters: Annotated[SeriesParameters, Query()]
    ) -> Series:
        """The same numbers hour by hour or day by day, in UTC."""
        start, end = parameters.bounds(datetime.now(UTC))
        windows = summarise_by_window(
            principal.tenant, parameters.interval, start, end, rollups=rollups, states=states
        )
        points = [
            Point.of(totals, parameters.channels(), start=window) for window, totals in windows
        ]
        return Series(start=start, end=end, interval=parameters.interval, points=points)

    return router
