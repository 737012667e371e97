"""Nobody waits longer than they said, whatever hangs; no assertion here is about short times."""

import time
from collections.abc import Iterator
from threading import Event

import pytest

from customerai.adapters.bounded_taxonomies import BoundedTaxonomies
from customerai.adapters.memory.taxonomies import MemoryTaxonomies
from customerai.adapters.patience import Patience
from customerai.domain.errors import UnavailableError
from customerai.domain.taxonomy import Taxonomy, Topic

GENEROUS = 10.0
OWN = Taxonomy.of([Topic("poles", "Poles", ())])


@pytest.fixture
def hanging() -> Iterator[Event]:
    """What calls may hang on; at the end of the test it lets go of them."""
    event = Event()
    yield event
    event.set()


def test_an_answer_goes_through() -> None:
    assert Patience("model").wait(GENEROUS, lambda: 7) == 7


def test_so_does_a_failure_and_one_that_looks_like_a_time_out() -> None:
    def fail() -> None:
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        Patience("model").wait(GENEROUS, fail)


@pytest.mark.parametrize("seconds", [0.05, 0.0, -1.0])
def test_what_hangs_is_left_behind(hanging: Event, seconds: float) -> None:
    started = time.monotonic()
    with pytest.raises(UnavailableError, match="model"):
        Patience("model").wait(seconds, hanging.wait)
    assert time.monotonic() - started < GENEROUS


def test_while_everything_hangs_nobody_waits_longer_and_nothing_piles_up(hanging: Event) -> None:
    patience, late = Patience("model"), list[int]()
    for _ in range(100):
        with pytest.raises(UnavailableError):
            patience.wait(0.0, hanging.wait)
    with pytest.raises(UnavailableError):
        patience.wait(0.01, lambda: late.append(1))
    hanging.set()
    assert patience.wait(GENEROUS, lambda: 7) == 7
    assert late == []


def test_taxonomies_are_read_through(hanging: Event) -> None:
    taxonomies = BoundedTaxonomies(MemoryTaxonomies({"acme": OWN}), GENEROUS)
    assert taxonomies.get("acme") == OWN
    assert taxonomies.get("globex") is None


def test_a_store_that_hangs_is_unavailable(hanging: Event) -> None:
    class Hanging(MemoryTaxonomies):
        def get(self, tenant: str) -> Taxonomy | None:
            hanging.wait()
            return super().get(tenant)

    with pytest.raises(UnavailableError, match="store"):
        BoundedTaxonomies(Hanging(), 0.05).get("acme")
