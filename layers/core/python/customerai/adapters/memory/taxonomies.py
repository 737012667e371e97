"""Taxonomies in a dictionary."""

from dataclasses import dataclass, field

from customerai.domain.errors import VersionConflictError
from customerai.domain.taxonomy import Taxonomy


@dataclass
class MemoryTaxonomies:
    """``customerai.ports.Taxonomies``."""

    stored: dict[str, Taxonomy] = field(default_factory=dict)

    def get(self, tenant: str) -> Taxonomy | None:
        return self.stored.get(tenant)

    def replace(self, tenant: str, taxonomy: Taxonomy, expected: str | None) -> None:
        found = self.stored.get(tenant)
        if (found.version if found else None) != expected:
            raise VersionConflictError("The taxonomy has been changed meanwhile; read it again.")
        self.stored[tenant] = taxonomy
