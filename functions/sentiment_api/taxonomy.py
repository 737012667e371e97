"""HTTP to use case: the topics that a tenant's texts are sorted by."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from customerai.domain import cache_tags
from customerai.domain.new_taxonomy import NewTaxonomy
from customerai.ports import Taxonomies
from customerai.usecases.read_taxonomy import read_taxonomy, read_taxonomy_version
from customerai.usecases.replace_taxonomy import replace_taxonomy
from customerai_http.auth import Principal, Require
from customerai_http.preconditions import (
    IF_NONE_MATCH,
    IfMatch,
    entity_tag,
    unless_known,
    versions_in,
    versions_known,
)
from customerai_http.problems import documented
from customerai_http.queries import described, query
from customerai_http.readings import CONSISTENCY, explained, is_strong, selected, written
from customerai_http.reads import ReadRoute
from customerai_http.representations import negotiated, preferred, respond
from customerai_http.response_cache import Question, ResponseCache
from functions.sentiment_api.wire import TaxonomyOut, TaxonomyParameters, TaxonomyVersion

Reader = Annotated[Principal, Depends(Require("taxonomy:read"))]
Writer = Annotated[Principal, Depends(Require("taxonomy:write"))]


def build_router(*, taxonomies: Taxonomies, responses: ResponseCache) -> APIRouter:
    router = APIRouter(
        prefix="/v1/taxonomy",
        tags=["Taxonomy"],
        responses=negotiated(TaxonomyOut) | documented(401, 403, 422, 503),
        route_class=ReadRoute,
    )

    @router.get(
        "",
        responses=documented(400),
        openapi_extra=described(TaxonomyParameters, CONSISTENCY, IF_NONE_MATCH),
    )
    async def get_taxonomy(
        request: Request,
        principal: Reader,
        parameters: Annotated[TaxonomyParameters, query(TaxonomyParameters)],
    ) -> Response:
        """Get the topics that texts are sorted by; a default set until you put your own."""
        tenant, fields = principal.tenant, selected(*parameters.chosen())

        async def read() -> Response:
            if "topics" in fields:
                taxonomy = await read_taxonomy(tenant, taxonomies=taxonomies)
                return _answer(TaxonomyOut.of(taxonomy), fields, request)
            version = await read_taxonomy_version(tenant, taxonomies=taxonomies)
            return _answer(TaxonomyVersion.of_version(version), fields, request)

        asked = (sorted(fields), preferred(request.headers.get("accept")))
        question = Question(tenant, "taxonomy", asked, (cache_tags.taxonomy(tenant),))
        strong = is_strong(request.headers.get("consistency"))
        known = versions_known(request.headers.get("if-none-match"))
        with explained(principal, parameters.explain):
            answer = await responses.answer(question, read, strong=strong)
        return answer if parameters.explain else unless_known(answer, known)

    @router.put("", responses=documented(412, 413, 428))
    async def put_taxonomy(
        request: Request, body: NewTaxonomy, principal: Writer, if_match: IfMatch = None
    ) -> Response:
        """Replace all topics by these, without any training.

        `If-Match` carries the `ETag` that was read, so that nobody's change gets lost; with another
        one than the topics have now, nothing is done, even if they are the same already. Texts that
        are analysed now are sorted by the new topics at once, interactions that wait for their
        analysis within a minute; what is analysed already keeps its topics.
        """
        taxonomy = body.taxonomy()
        await replace_taxonomy(
            principal.tenant, taxonomy, versions_in(if_match), taxonomies=taxonomies
        )
        await responses.invalidate({cache_tags.taxonomy(principal.tenant)})
        found = TaxonomyOut.of(taxonomy)
        return _answer(found, TaxonomyParameters.known, request, written())

    return router


def _answer(
    found: TaxonomyVersion,
    fields: Collection[str],
    request: Request,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    tagged = {"etag": entity_tag(found.version), **headers}
    return respond(found.told(fields), request, headers=tagged)
