"""The taxonomy that a tenant's texts are sorted by."""

from customerai.domain.default_taxonomy import DEFAULT_TAXONOMY
from customerai.domain.taxonomy import Taxonomy
from customerai.ports import TaxonomyReader


def read_taxonomy(tenant: str, *, taxonomies: TaxonomyReader) -> Taxonomy:
    """The tenant's own, or the default one until it sets one."""
    return taxonomies.get(tenant) or DEFAULT_TAXONOMY
