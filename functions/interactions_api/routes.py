"""HTTP to use case: interactions."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import ValidationError

from customerai.domain.errors import InvalidParameterError
from customerai.domain.interaction import Interaction, NewInteraction
from customerai.observability.telemetry import logger
from customerai.ports import IdempotencyKeys, InteractionFilter, Interactions
from customerai.usecases.delete_interaction import delete_interaction
from customerai.usecases.get_interaction import get_interaction
from customerai.usecases.ingest_interactions import IdempotencyKey, ingest_interactions
from customerai_http.auth import Principal, bearer, require
from customerai_http.cursors import Cursors
from customerai_http.problems import documented, invalid, problem_of
from functions.interactions_api.wire import (
    BatchResult,
    BatchResults,
    InteractionBatch,
    InteractionList,
    InteractionOut,
    ListParameters,
    fitting,
)

Reader = Annotated[Principal, Depends(require("interactions:read"))]
Writer = Annotated[Principal, Depends(require("interactions:write"))]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Any string of the client's own: repeating a request with its key stores "
        "nothing twice and answers with the same ids. Kept for a week.",
    ),
]


def build_router(
    *, interactions: Interactions, keys: IdempotencyKeys, cursors: Cursors
) -> APIRouter:
    router = APIRouter(
        prefix="/v1/interactions",
        tags=["Interactions"],
        dependencies=[bearer()],
        responses=documented(401, 403, 422, 503),
    )

    @router.post("", status_code=201, responses=documented(413))
    async def create_interaction(
        body: NewInteraction, principal: Writer, response: Response, key: Key = None
    ) -> InteractionOut:
        """Store one interaction; its analysis follows within seconds."""
        outcome = ingest_interactions(
            principal.tenant,
            {0: body},
            _idempotency_key(key, "create", body.model_dump_json(exclude_unset=True)),
            datetime.now(UTC),
            interactions=interactions,
            keys=keys,
        )[0]
        if isinstance(outcome, Exception):
            raise outcome
        response.headers["location"] = f"/v1/interactions/{outcome.id}"
        return InteractionOut.of(outcome)

    @router.post(
        "/batch",
        status_code=207,
        responses=documented(413),
        response_model_exclude_none=True,
    )
    async def create_interactions(
        body: InteractionBatch, principal: Writer, key: Key = None
    ) -> BatchResults:
        """Store up to 100 interactions, with a result for each."""
        inputs: dict[int, NewInteraction] = {}
        results: dict[int, BatchResult] = {}
        for place, item in enumerate(body.items):
            try:
                inputs[place] = NewInteraction.model_validate(item)
            except ValidationError as error:
                problem = invalid(error.errors(), f"items[{place}]")
                results[place] = BatchResult(status=problem.status, error=problem)
        outcomes = ingest_interactions(
            principal.tenant,
            inputs,
            _idempotency_key(key, "batch", json.dumps(body.items, sort_keys=True)),
            datetime.now(UTC),
            interactions=interactions,
            keys=keys,
        )
        results |= {place: _result(outcome) for place, outcome in outcomes.items()}
        return BatchResults(results=[results[place] for place in range(len(body.items))])

    @router.get("")
    async def list_interactions(
        principal: Reader, parameters: Annotated[ListParameters, Query()]
    ) -> InteractionList:
        """List interactions, newest first."""
        if parameters.start and parameters.end and parameters.start >= parameters.end:
            raise InvalidParameterError("from", "must lie before `to`")
        where = InteractionFilter(
            channel=parameters.channel,
            sentiment=parameters.sentiment,
            customer_id=parameters.customer,
            start=parameters.start,
            end=parameters.end,
        )
        binding = f"{principal.tenant}|{where!r}"
        after = None
        if parameters.cursor is not None:
            after = cursors.verify(binding, parameters.cursor)
        page = interactions.page(principal.tenant, where, after, parameters.limit)
        items = fitting([InteractionOut.of(item) for item in page.items])
        resume = page.resume if len(items) == len(page.items) else items[-1].id
        return InteractionList(items=items, next=cursors.sign(binding, resume) if resume else None)

    @router.get("/{interaction_id}", responses=documented(404))
    async def read_interaction(interaction_id: str, principal: Reader) -> InteractionOut:
        """Get one interaction."""
        return InteractionOut.of(
            get_interaction(principal.tenant, interaction_id, interactions=interactions)
        )

    @router.delete("/{interaction_id}", status_code=204, responses=documented(404))
    async def remove_interaction(interaction_id: str, principal: Writer) -> None:
        """Delete one interaction; analytics no longer counts it."""
        delete_interaction(
            principal.tenant,
            interaction_id,
            datetime.now(UTC),
            interactions=interactions,
            keys=keys,
        )

    return router


def _idempotency_key(key: str | None, operation: str, content: str) -> IdempotencyKey | None:
    if key is None:
        return None
    return IdempotencyKey(key, hashlib.sha256(f"{operation}:{content}".encode()).hexdigest())


def _result(outcome: Interaction | Exception) -> BatchResult:
    if isinstance(outcome, Interaction):
        return BatchResult(status=201, id=outcome.id)
    logger.warning("not stored", exc_info=outcome)
    problem = problem_of(outcome)
    return BatchResult(status=problem.status, error=problem)
