"""How long a taxonomy that was read stands in for the stored one."""

import pytest

from customerai.adapters.cached_taxonomies import CachedTaxonomies
from customerai.adapters.memory.taxonomies import MemoryTaxonomies
from customerai.domain.errors import UnavailableError
from customerai.domain.taxonomy import Taxonomy, Topic

OWN = Taxonomy.of([Topic("poles", "Poles", ())])


class Store(MemoryTaxonomies):
    """Counts who asks, and may be down."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.down, self.now = list[str](), False, 0.0
        self.cached = CachedTaxonomies(self, lifetime=60, capacity=2, clock=lambda: self.now)

    async def get(self, tenant: str) -> Taxonomy | None:
        self.asked.append(tenant)
        if self.down:
            raise UnavailableError("store")
        return await super().get(tenant)


async def test_an_edit_shows_within_the_lifetime_and_no_sooner() -> None:
    store = Store()
    assert await store.cached.get("acme") is None
    store.stored["acme"] = OWN
    store.now = 59.9
    assert await store.cached.get("acme") is None  # that there was none is kept as well
    store.now = 60
    assert await store.cached.get("acme") == OWN
    assert store.asked == ["acme", "acme"]


async def test_a_failure_is_neither_hidden_nor_kept() -> None:
    store = Store()
    await store.cached.get("acme")
    store.now, store.down = 60, True
    with pytest.raises(UnavailableError):
        await store.cached.get("acme")
    store.down = False
    assert await store.cached.get("acme") is None


async def test_the_tenants_asked_for_last_are_held() -> None:
    store = Store()
    for tenant in ("a", "b", "a", "c", "a", "b"):
        await store.cached.get(tenant)
    assert store.asked == ["a", "b", "c", "b"]
