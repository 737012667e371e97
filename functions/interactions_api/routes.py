"""HTTP to use case: single interactions, and lists of them."""

import hashlib
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.responses import Response

from customerai.domain import cache_tags
from customerai.domain.errors import InvalidParameterError, UnavailableError
from customerai.domain.interaction import Interaction
from customerai.domain.interaction_view import view_of
from customerai.domain.new_interaction import NewInteraction
from customerai.domain.rollup import PENDING
from customerai.ports import IdempotencyKeys, InteractionFilter, Interactions, Reading
from customerai.usecases.delete_interactions import delete_interactions
from customerai.usecases.get_interactions import get_interaction
from customerai.usecases.ingest_interactions import IdempotencyKey, ingest_interactions
from customerai.usecases.list_interactions import list_interactions
from customerai_http.auth import Principal, Require
from customerai_http.cursors import Cursors
from customerai_http.problems import documented
from customerai_http.queries import described, query
from customerai_http.readings import CONSISTENCY, explained, reading, written
from customerai_http.reads import ReadRoute
from customerai_http.representations import negotiated, preferred, respond
from customerai_http.response_cache import PRIVATE, Question, ResponseCache
from functions.interactions_api import pages
from functions.interactions_api.parameters import ListParameters, OneParameters
from functions.interactions_api.wire import InteractionList, InteractionOut

Reader = Annotated[Principal, Depends(Require("interactions:read"))]
Writer = Annotated[Principal, Depends(Require("interactions:write"))]
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


class _InteractionConvertor(StringConvertor):
    """Leaves what lies beside the single interactions to other routes, wherever these come."""

    regex = "(?!batch$)[^/]+"


register_url_convertor("interaction", _InteractionConvertor())


def build_router(
    *,
    interactions: Interactions,
    keys: IdempotencyKeys,
    cursors: Cursors,
    responses: ResponseCache,
) -> APIRouter:
    router = APIRouter(
        prefix="/v1/interactions",
        tags=["Interactions"],
        responses=documented(401, 403, 422, 503),
        route_class=ReadRoute,
    )

    @router.get(
        "/{interaction_id:interaction}",
        responses=negotiated(InteractionOut) | documented(400, 404),
        openapi_extra=described(OneParameters, CONSISTENCY),
    )
    async def read_interaction(
        interaction_id: str,
        request: Request,
        principal: Reader,
        parameters: Annotated[OneParameters, query(OneParameters)],
    ) -> Response:
        """Get one interaction."""
        wanted = reading(request.headers.get("consistency"), *parameters.chosen())
        with explained(principal, parameters.explain):
            view = await get_interaction(
                principal.tenant, interaction_id, wanted, interactions=interactions
            )
            return respond(view, request, headers=PRIVATE)

    @router.get(
        "",
        responses=negotiated(InteractionList) | documented(400),
        openapi_extra=described(ListParameters, CONSISTENCY),
    )
    async def get_page(
        request: Request,
        principal: Reader,
        parameters: Annotated[ListParameters, query(ListParameters)],
    ) -> Response:
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
        wanted = reading(request.headers.get("consistency"), *parameters.chosen())
        media_type = preferred(request.headers.get("accept"))

        async def listed() -> Response:
            binding = f"{principal.tenant}|{where!r}"
            place = await pages.place_of(parameters.cursor, parameters.offset, binding, cursors)
            page = await list_interactions(
                principal.tenant,
                where,
                place.after,
                parameters.offset,
                parameters.limit,
                wanted,
                interactions=interactions,
            )
            page, items = pages.encoded(page, media_type)
            answer, headers = await pages.with_next(
                page, items, place, binding, cursors, request.url
            )
            return respond(answer, request, headers=headers)

        page_asked = (parameters.cursor, parameters.offset, parameters.limit)
        question = Question(
            principal.tenant,
            "interactions",
            (repr(where), page_asked, fields_of(wanted), media_type),
            cache_tags.of_list(
                principal.tenant,
                customer_id=where.customer_id,
                channel=where.channel,
                sentiment=where.sentiment,
            ),
        )
        with explained(principal, parameters.explain):
            return await responses.answer(question, listed, strong=wanted.strong)

    @router.post("", status_code=201, responses=negotiated(InteractionOut, 201) | documented(413))
    async def create_interaction(
        request: Request, body: NewInteraction, principal: Writer, key: Key = None
    ) -> Response:
        """Store one interaction; its analysis follows within seconds."""
        outcomes = await ingest_interactions(
            principal.tenant,
            {0: body},
            idempotency_key(key, "create", body.model_dump_json(exclude_unset=True)),
            datetime.now(UTC),
            interactions=interactions,
            keys=keys,
        )
        outcome = outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        await responses.invalidate(tags_of(outcome))
        headers = {"location": f"/v1/interactions/{outcome.id}"} | written()
        return respond(view_of(outcome), request, status=201, headers=headers)

    @router.delete("/{interaction_id:interaction}", status_code=204, responses=documented(404))
    async def remove_interaction(interaction_id: str, principal: Writer) -> Response:
        """Delete one interaction; analytics no longer counts it."""
        outcomes = await delete_interactions(
            principal.tenant,
            [interaction_id],
            datetime.now(UTC),
            interactions=interactions,
            keys=keys,
        )
        failure = outcomes[interaction_id]
        if failure is None or isinstance(failure, UnavailableError):  # it may have been done
            await responses.invalidate(cache_tags.of_removal(principal.tenant))
        if failure is not None:
            raise failure
        return Response(status_code=204, headers=written())

    return router


def fields_of(wanted: Reading) -> list[str]:
    """What is told of each, whatever the order that it was asked for in; the id always is."""
    return sorted(wanted.fields | {"id"})


def tags_of(stored: Interaction) -> frozenset[str]:
    """What shows an interaction that was just taken in."""
    return cache_tags.of_interaction(stored.tenant, stored.customer_id, stored.channel, PENDING)


def idempotency_key(key: str | None, operation: str, content: str) -> IdempotencyKey | None:
    if key is None:
        return None
    return IdempotencyKey(key, hashlib.sha256(f"{operation}:{content}".encode()).hexdigest())
