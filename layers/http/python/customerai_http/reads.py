"""Routes of reads: their dependencies are called in turn, without FastAPI's solver.

What the solver does beyond that (bodies, caches, generators, sub-dependencies) no read needs, and
it would be a third of what an answer costs; `tests/performance/api` has the measure. Everything
else of the route, its documentation first of all, is FastAPI's.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.responses import Response


class ReadRoute(APIRoute):
    """A route whose function takes the request, text from its path, and dependencies which take
    the request alone. A route that needs more, such as a body, is solved by FastAPI."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        needs = self.dependant
        if not _is_simple(needs):
            return super().get_route_handler()
        endpoint = self.endpoint
        request_name = needs.request_param_name
        dependencies: list[tuple[str, Any]] = [
            (str(each.name), each.call) for each in needs.dependencies
        ]

        async def handle(request: Request) -> Response:
            values: dict[str, Any] = dict(request.path_params)
            for name, call in dependencies:
                values[name] = await call(request)
            if request_name:
                values[request_name] = request
            response: Response = await endpoint(**values)
            return response

        return handle


def _is_simple(needs: Dependant) -> bool:
    return (
        not _asks_for_more(needs)
        and all(each.field_info.annotation is str for each in needs.path_params)
        and all(
            not (_asks_for_more(each) or each.path_params or each.dependencies)
            and each.request_param_name is not None
            for each in needs.dependencies
        )
    )


def _asks_for_more(needs: Dependant) -> bool:
    return bool(
        needs.body_params
        or needs.query_params
        or needs.header_params
        or needs.cookie_params
        or needs.response_param_name
        or needs.background_tasks_param_name
    )
