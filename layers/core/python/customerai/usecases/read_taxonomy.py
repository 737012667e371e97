"""The taxonomy that a tenant's texts are sorted by."""

from customerai.domain.default_taxonomy import DEFAULT_TAXONOMY
from customerai.domain.taxonomy import Taxonomy
from customerai.ports import Taxonomies, TaxonomyReader


async def read_taxonomy(tenant: str, *, taxonomies: TaxonomyReader) -> Taxonomy:
    """The tenant's own, or the default one until it sets one."""
    return await taxonomies.get(tenant) or DEFAULT_TAXONOMY


async def read_taxonomy_version(tenant: str, *, taxonomies: Taxonomies) -> str:
    """The version of what ``read_taxonomy`` reads, without reading the topics."""
    return await taxonomies.version(tenant) or DEFAULT_TAXONOMY.version
