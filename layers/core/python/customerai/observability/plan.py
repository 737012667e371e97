"""What a request did to be answered, for whoever asks for an explanation with ``?explain=true``."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec


class Step(msgspec.Struct, frozen=True):
    """One call of the store. ``units`` are capacity units; ``index`` is None for the table.

    ``shard`` is the one of the tenant's that a query read, None for what reads by items' keys. A
    shard that has a second step was asked for more than its share of the page.
    """

    pattern: str
    operation: str
    table: str
    index: str | None
    shard: int | None
    strong: bool
    scanned: int
    returned: int
    units: float
    milliseconds: float


class Plan(msgspec.Struct):
    """The calls of the store, and what each layer of the cache had (``hit``, ``miss``, ``stale``).

    ``milliseconds`` by layer overlap where calls run side by side.
    """

    steps: list[Step] = []
    caches: dict[str, Counter[str]] = {}
    milliseconds: dict[str, float] = {}

    def cache(self, layer: str, outcome: str, count: int = 1) -> None:
        self.caches.setdefault(layer, Counter())[outcome] += count

    def spent(self, layer: str, milliseconds: float) -> None:
        self.milliseconds[layer] = self.milliseconds.get(layer, 0.0) + milliseconds


_current: ContextVar[Plan | None] = ContextVar("plan", default=None)


def current_plan() -> Plan | None:
    """The plan that is being written, where somebody asked for one."""
    return _current.get()


@contextmanager
def explaining() -> Iterator[Plan]:
    """Whatever is called within writes down what it does."""
    plan = Plan()
    token = _current.set(plan)
    try:
        yield plan
    finally:
        _current.reset(token)
