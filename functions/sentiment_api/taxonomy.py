"""HTTP to use case: the topics that a tenant's texts are sorted by."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from customerai.domain.new_taxonomy import NewTaxonomy
from customerai.ports import Taxonomies
from customerai.usecases.read_taxonomy import read_taxonomy
from customerai.usecases.replace_taxonomy import replace_taxonomy
from customerai_http.auth import Principal, bearer, require
from customerai_http.preconditions import IfMatch, entity_tag, versions_in
from customerai_http.problems import documented
from functions.sentiment_api.wire import TaxonomyOut

Reader = Annotated[Principal, Depends(require("taxonomy:read"))]
Writer = Annotated[Principal, Depends(require("taxonomy:write"))]
_TAGGED: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": {"description": "The version.", "schema": {"type": "string"}}}}
}


def build_router(*, taxonomies: Taxonomies) -> APIRouter:
    router = APIRouter(
        prefix="/v1/taxonomy",
        tags=["Taxonomy"],
        dependencies=[bearer()],
        responses=_TAGGED | documented(401, 403, 422, 503),
    )

    @router.get("")
    async def get_taxonomy(principal: Reader, response: Response) -> TaxonomyOut:
        """Get the topics that texts are sorted by; a default set until you put your own."""
        taxonomy = read_taxonomy(principal.tenant, taxonomies=taxonomies)
        response.headers["etag"] = entity_tag(taxonomy.version)
        return TaxonomyOut.of(taxonomy)

    @router.put("", responses=documented(412, 413, 428))
    async def put_taxonomy(
        body: NewTaxonomy, principal: Writer, response: Response, if_match: IfMatch = None
    ) -> TaxonomyOut:
        """Replace all topics by these, without any training.

        `If-Match` carries the `ETag` that was read, so that nobody's change gets lost. Texts that
        are analysed now are sorted by the new topics at once, interactions that wait for their
        analysis within a minute; what is analysed already keeps its topics.
        """
        taxonomy = body.taxonomy()
        replace_taxonomy(principal.tenant, taxonomy, versions_in(if_match), taxonomies=taxonomies)
        response.headers["etag"] = entity_tag(taxonomy.version)
        return TaxonomyOut.of(taxonomy)

    return router
