"""What needs no token: health, and the API's description for people and machines."""

import time
from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import Response

from customerai.ports import Probe
from customerai.usecases.check_health import check_health
from customerai_http.app import HEALTH_PATH
from functions.interactions_api.wire import Health

_OPENAPI = Path(__file__).with_name("openapi.json")
_HEALTH_KEPT_SECONDS = 2.0


def build_router(probes: Mapping[str, Probe]) -> APIRouter:
    router = APIRouter(tags=["Platform"])
    last: tuple[float, Health] = (float("-inf"), Health(status="unknown", parts={}))

    @router.get(
        HEALTH_PATH, responses={503: {"model": Health, "description": "A part does not serve"}}
    )
    async def health(response: Response) -> Health:
        """Whether every part serves. Asked of the parts every 2 seconds at the most."""
        nonlocal last
        asked_at, answer = last
        if time.monotonic() - asked_at > _HEALTH_KEPT_SECONDS:
            parts = await check_health(probes)
            answer = Health(
                status="ok" if all(parts.values()) else "unavailable",
                parts={part: "ok" if serves else "unavailable" for part, serves in parts.items()},
            )
            last = time.monotonic(), answer
        response.status_code = 200 if answer.status == "ok" else 503
        response.headers["cache-control"] = "no-store"
        return answer

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return Response(_OPENAPI.read_bytes(), media_type="application/json")

    @router.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return get_swagger_ui_html(openapi_url="/openapi.json", title="CustomerAI Insights API")

    return router
