"""Taxonomies in a dictionary."""

from dataclasses import dataclass, field

from customerai.domain.errors import VersionConflictError
from customerai.domain.taxonomy import Taxonomy


@dataclass
class MemoryTaxonomies:
    """``customerai.ports.Taxonomies``."""

    stored: dict[str, Taxonomy] = field(default_factory=dict)

    async def get(self, tenant: str) -> Taxonomy | None:
        return self.stored.get(tenant)

    async def version(self, tenant: str) -> str | None:
        found = self.stored.get(tenant)
        return found.version if found else None

    async def replace(self, tenant: str, taxonomy: Taxonomy, expected: str | None) -> None:
        if await self.version(tenant) != expected:
            raise VersionConflictError("The taxonomy has been changed meanwhile; read it again.")
        self.stored[tenant] = taxonomy
