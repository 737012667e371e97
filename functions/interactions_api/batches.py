"""HTTP to use case: many interactions at once, with a result for each."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from customerai.domain import cache_tags
from customerai.domain.errors import InvalidParameterError, NotFoundError, UnavailableError
from customerai.domain.interaction import Interaction
from customerai.domain.interaction_view import InteractionView
from customerai.domain.new_interaction import NewInteraction
from customerai.observability.telemetry import logger
from customerai.ports import IdempotencyKeys, Interactions
from customerai.usecases.delete_interactions import delete_interactions
from customerai.usecases.get_interactions import get_interactions
from customerai.usecases.ingest_interactions import ingest_interactions
from customerai_http.problems import documented, invalid, problem_of
from customerai_http.queries import described, query
from customerai_http.readings import CONSISTENCY, explained, reading, written
from customerai_http.reads import ReadRoute
from customerai_http.representations import encode, negotiated, preferred, respond
from customerai_http.response_cache import PRIVATE, ResponseCache
from functions.interactions_api import pages
from functions.interactions_api.parameters import BatchReadParameters, IdsParameters
from functions.interactions_api.routes import (
    Key,
    Reader,
    Writer,
    idempotency_key,
    tags_of,
)
from functions.interactions_api.wire import BatchResults, InteractionBatch

_Result = dict[str, Any]


def build_router(
    *, interactions: Interactions, keys: IdempotencyKeys, responses: ResponseCache
) -> APIRouter:
    router = APIRouter(
        prefix="/v1/interactions/batch",
        tags=["Interactions"],
        responses=documented(401, 403, 422, 503),
        route_class=ReadRoute,
    )

    @router.post("", status_code=207, responses=negotiated(BatchResults, 207) | documented(413))
    async def create_interactions(
        request: Request, body: InteractionBatch, principal: Writer, key: Key = None
    ) -> Response:
        """Store up to 100 interactions."""
        inputs: dict[int, NewInteraction] = {}
        results: dict[int, _Result] = {}
        for place, item in enumerate(body.items):
            try:
                inputs[place] = NewInteraction.model_validate(item)
            except ValidationError as error:
                problem = invalid(error.errors(), f"items[{place}]")
                results[place] = {"status": problem.status, "error": problem.told()}
        outcomes = await ingest_interactions(
            principal.tenant,
            inputs,
            idempotency_key(key, "batch", json.dumps(body.items, sort_keys=True)),
            datetime.now(UTC),
            interactions=interactions,
            keys=keys,
        )
        stored = [each for each in outcomes.values() if isinstance(each, Interaction)]
        await responses.invalidate(frozenset().union(*map(tags_of, stored)))
        results |= {place: _stored(outcome) for place, outcome in outcomes.items()}
        in_order = [results[place] for place in range(len(body.items))]
        return respond({"results": in_order}, request, status=207, headers=_written(in_order))

    @router.get(
        "",
        status_code=207,
        responses=negotiated(BatchResults, 207) | documented(400),
        openapi_extra=described(BatchReadParameters, CONSISTENCY),
    )
    async def read_interactions(
        request: Request,
        principal: Reader,
        parameters: Annotated[BatchReadParameters, query(BatchReadParameters)],
    ) -> Response:
        """Get up to 100 interactions by their ids."""
        wanted = reading(request.headers.get("consistency"), *parameters.chosen())
        ids = parameters.each()
        media_type = preferred(request.headers.get("accept"))
        with explained(principal, parameters.explain):
            found = await get_interactions(principal.tenant, ids, wanted, interactions=interactions)
            results = encode([_read(each, found) for each in ids], media_type)
            if not pages.fits(results, media_type):
                raise InvalidParameterError(
                    "ids", "name more than fits into one answer: ask for fewer, or fewer fields"
                )
            answer = {"results": msgspec.Raw(results)}
            return respond(answer, request, status=207, headers=PRIVATE)

    @router.delete(
        "",
        status_code=207,
        responses=negotiated(BatchResults, 207),
        openapi_extra=described(IdsParameters),
    )
    async def remove_interactions(
        request: Request,
        principal: Writer,
        parameters: Annotated[IdsParameters, query(IdsParameters)],
    ) -> Response:
        """Delete up to 100 interactions by their ids; analytics no longer counts them."""
        ids = parameters.each()
        outcomes = await delete_interactions(
            principal.tenant, ids, datetime.now(UTC), interactions=interactions, keys=keys
        )
        if any(
            failure is None or isinstance(failure, UnavailableError)  # it may have been done
            for failure in outcomes.values()
        ):
            await responses.invalidate(cache_tags.of_removal(principal.tenant))
        results = [_removed(each, outcomes[each]) for each in ids]
        return respond({"results": results}, request, status=207, headers=_written(results))

    return router


def _stored(outcome: Interaction | Exception) -> _Result:
    if isinstance(outcome, Interaction):
        return {"status": 201, "id": outcome.id}
    logger.warning("not stored", reason=repr(outcome))
    return _failed(outcome)


def _read(interaction_id: str, found: dict[str, InteractionView]) -> _Result:
    if interaction_id in found:
        return {"status": 200, "id": interaction_id, "interaction": found[interaction_id]}
    missing = NotFoundError(f"There is no interaction {interaction_id}.")
    return {"id": interaction_id, **_failed(missing)}


def _removed(interaction_id: str, failure: Exception | None) -> _Result:
    if failure is None:
        return {"status": 204, "id": interaction_id}
    if not isinstance(failure, NotFoundError):
        logger.warning("not deleted", reason=repr(failure))
    return {"id": interaction_id, **_failed(failure)}


def _written(results: Sequence[_Result]) -> dict[str, str]:
    """The token of the write, where there was one."""
    return written() if any("error" not in each for each in results) else {}


def _failed(error: Exception) -> _Result:
    problem = problem_of(error)
    return {"status": problem.status, "error": problem.told()}
