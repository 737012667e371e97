"""Replace a tenant's taxonomy, unless somebody else did so first."""

from collections.abc import Container

from customerai.domain.default_taxonomy import DEFAULT_TAXONOMY
from customerai.domain.errors import VersionConflictError
from customerai.domain.taxonomy import Taxonomy
from customerai.ports import Taxonomies


async def replace_taxonomy(
    tenant: str, taxonomy: Taxonomy, known: Container[str], *, taxonomies: Taxonomies
) -> None:
    """Put ``taxonomy`` in the place of one whose version is in ``known``.

    While a tenant has set none, that is the default one. Raises ``VersionConflictError``, even
    where the same is there already: whoever does not know what is there should learn of it.
    """
    stored = await taxonomies.get(tenant)
    if (stored or DEFAULT_TAXONOMY).version not in known:
        raise VersionConflictError("The taxonomy has been changed meanwhile; read it again.")
    if stored == taxonomy:
        return
    await taxonomies.replace(tenant, taxonomy, stored.version if stored else None)
