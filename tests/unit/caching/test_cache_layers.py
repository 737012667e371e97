"""Lookups by layer, as metrics."""

import pytest

from customerai.adapters.cached_taxonomies import CachedTaxonomies
from customerai.adapters.memory.taxonomies import MemoryTaxonomies
from customerai.observability import cache_layers
from customerai.observability.cache_layers import Layer, Outcome, looked_up
from customerai.observability.plan import explaining


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    cache_layers.drained()


def test_what_did_not_happen_is_not_told() -> None:
    looked_up("Things", Layer.SHARED, Outcome.HIT, 0)
    assert cache_layers.drained() == {}


def test_counts_add_up_until_they_are_told() -> None:
    for count in (2, 3):
        looked_up("Things", Layer.SHARED, Outcome.HIT, count)
    looked_up("Things", Layer.PROCESS, Outcome.STALE)
    assert cache_layers.drained() == {"ThingsSharedHit": 5, "ThingsProcessStale": 1}
    assert cache_layers.drained() == {}


def test_a_plan_has_its_own_lookups_only() -> None:
    looked_up("Things", Layer.SHARED, Outcome.HIT)
    with explaining() as plan:
        looked_up("Things", Layer.SHARED, Outcome.MISS, 2)
    assert plan.caches == {"things.shared": {"miss": 2}}


async def test_taxonomies_are_counted() -> None:
    taxonomies = CachedTaxonomies(MemoryTaxonomies(), lifetime=60)
    for _ in range(3):
        await taxonomies.get("acme")
    assert cache_layers.drained() == {"TaxonomiesProcessMiss": 1, "TaxonomiesProcessHit": 2}
