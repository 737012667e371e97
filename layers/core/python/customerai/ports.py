"""What the use cases need of the world, as Protocols.

Every write may be repeated. Every method may raise ``UnavailableError``.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from customerai.domain.analysis import Analysis, AnalysisOptions
from customerai.domain.interaction import Interaction, InteractionRef
from customerai.domain.interaction_view import ALL_FIELDS, InteractionView
from customerai.domain.rollup import AggregateKey, State, WindowCounters
from customerai.domain.shards import Schedule
from customerai.domain.taxonomy import Taxonomy
from customerai.domain.windows import Interval


@dataclass(frozen=True, slots=True)
class InteractionFilter:
    """Which interactions of a tenant: all conditions hold. ``start`` and ``end`` are half-open."""

    channel: str | None = None
    sentiment: str | None = None
    """A label, or ``pending``."""
    customer_id: str | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What of each item is read, and whether every write that was answered before must show.

    A strong read costs twice as much, and can't use an index.
    """

    fields: frozenset[str] = ALL_FIELDS
    strong: bool = False


WHOLE = Reading()


@dataclass(frozen=True, slots=True)
class Page:
    """``resume`` is the id to go on after, or None where there is nothing more."""

    items: list[InteractionView]
    resume: str | None


class Interactions(Protocol):
    """The interactions that are stored."""

    async def add(self, interactions: Sequence[Interaction]) -> list[Exception | None]:
        """Store each where its id is free; one outcome each, in order.

        An id that is taken counts as stored: ids are made from who asked for what, so it can only
        be the same request again.
        """
        ...

    async def get(
        self, tenant: str, interaction_id: str, reading: Reading = WHOLE
    ) -> InteractionView | None: ...

    async def get_many(
        self, tenant: str, interaction_ids: Sequence[str], reading: Reading = WHOLE
    ) -> dict[str, InteractionView]:
        """Those of them (100 at the most) that exist, by id."""
        ...

    async def page(
        self,
        tenant: str,
        where: InteractionFilter,
        after: str | None,
        limit: int,
        reading: Reading = WHOLE,
    ) -> Page:
        """Up to ``limit`` interactions, newest first, older than the id ``after``.

        May hold fewer, even none, and still have a ``resume``: filters are given a bounded effort.
        """
        ...

    async def remove(self, tenant: str, interaction_ids: Sequence[str]) -> list[bool | Exception]:
        """Whether there was one, or why it could not be removed; one outcome each, in order."""
        ...


class States(Protocol):
    """What of each stored interaction is counted."""

    def states(self, tenant: str, start: datetime, end: datetime) -> AsyncIterator[State]:
        """All that occurred in [start, end)."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """When the request was first received, and whether that was this time."""

    received_at: datetime
    is_first: bool


class IdempotencyKeys(Protocol):
    """Which request a key belongs to, and what of it a repeat must not bring back."""

    async def claim(self, tenant: str, key: str, fingerprint: str, received_at: datetime) -> Claim:
        """Bind the key to the fingerprint, where it is bound to none.

        Raises ``IdempotencyKeyReusedError`` where it is bound to another one.
        """
        ...

    async def bury(
        self, tenant: str, interaction_ids: Sequence[str], deleted_at: datetime
    ) -> list[Exception | None]:
        """Remember for as long as keys are kept that these were deleted; one outcome each."""
        ...

    async def buried(self, tenant: str, interaction_ids: Sequence[str]) -> frozenset[str]:
        """Those of them (100 at the most) that were deleted."""
        ...


class Analyses(Protocol):
    """The analysis that each stored interaction carries, or still waits for."""

    async def pending_texts(self, refs: Iterable[InteractionRef]) -> dict[InteractionRef, str]:
        """The texts of those that exist and are not analysed yet."""
        ...

    async def save(self, analyses: Mapping[InteractionRef, Analysis]) -> list[InteractionRef]:
        """Write each analysis where the interaction still waits for one; those that failed."""
        ...


class Backlog(Protocol):
    """What waits for its analysis."""

    def pending(self, received_before: datetime) -> AsyncIterator[InteractionRef]:
        """Every interaction of any tenant received before then that waits for its analysis."""
        ...


class AnalysisQueue(Protocol):
    """What is to be analysed; delivered at least once."""

    async def send(self, refs: Sequence[InteractionRef]) -> None: ...

    async def is_empty(self) -> bool:
        """Whether nothing is waiting or being worked on, as far as the queue knows."""
        ...


class DeadRecords(Protocol):
    """Where a record is put aside that nobody can read, for a person to look at."""

    async def keep(self, name: str, record: Mapping[str, Any]) -> None: ...


class TextAnalyser(Protocol):
    """A model, or several that answer together."""

    async def analyse(
        self, texts: Sequence[str], options: AnalysisOptions, seconds: float
    ) -> list[Analysis]:
        """One answer a text, in order, or ``UnavailableError`` after so many ``seconds``.

        Takes up to ``MAX_CALL_TEXTS`` texts of ``MAX_CALL_CHARACTERS`` together. A feature that no
        model in service finds is not among an answer's ``features``, though it was asked for.
        Raises ``ModelRejectedError`` for what it refuses.
        """
        ...


class FallbackAnalyser(TextAnalyser, Protocol):
    """A lesser model in this process, which needs nobody else and may have to be loaded first."""

    def standing_by(self, patience: float) -> AbstractAsyncContextManager[None]:
        """Have it load meanwhile, where what is done meanwhile takes over ``patience`` seconds."""
        ...


class TaxonomyReader(Protocol):
    async def get(self, tenant: str) -> Taxonomy | None:
        """The tenant's own taxonomy, or None while it has set none."""
        ...


class Taxonomies(TaxonomyReader, Protocol):
    """The taxonomy that each tenant has set for itself."""

    async def version(self, tenant: str) -> str | None:
        """The version of what ``get`` finds, without reading the topics."""
        ...

    async def replace(self, tenant: str, taxonomy: Taxonomy, expected: str | None) -> None:
        """Store it where the stored one is of the version ``expected``; None: where none is.

        Raises ``VersionConflictError`` elsewhere.
        """
        ...


class ShardSchedules(Protocol):
    async def of(self, tenant: str) -> Schedule:
        """How many shards the tenant has, and since when: as it was ``MOST_STALE`` ago at worst."""
        ...


class ShardScheduleStore(ShardSchedules, Protocol):
    """The schedule of each tenant, as it is now."""

    async def replace(self, tenant: str, schedule: Schedule, known: Schedule) -> None:
        """Store it where ``known`` is the stored one; a tenant without any has a single shard.

        Raises ``VersionConflictError`` elsewhere.
        """
        ...


@dataclass(frozen=True, slots=True)
class SequencedChange:
    """A change of counters at a place in its stream shard; ``sequence`` is zero-padded."""

    sequence: str
    counters: Mapping[str, int]


class Rollups(Protocol):
    """Counters by window. One item a window and stream shard, fenced by sequence number."""

    async def apply(
        self, shard: str, changes: Mapping[AggregateKey, Sequence[SequencedChange]]
    ) -> None:
        """Add each change whose sequence lies after what its window has seen of ``shard``.

        Each window's changes come in ascending order. Repeating any of it adds nothing.
        """
        ...

    def read(
        self,
        tenant: str,
        interval: Interval,
        start: datetime,
        end: datetime,
        counters: AbstractSet[str] | None = None,
    ) -> AsyncIterator[WindowCounters]:
        """The counters of the windows that start in [start, end): these alone, or all of them.

        One that nothing was added to is not there.
        """
        ...


class CacheWrite(NamedTuple):
    """A value to keep for ``ttl`` seconds; one that ``adds`` only where there is none yet."""

    key: str
    value: bytes
    ttl: float
    adds: bool = False


class Cache(Protocol):
    """Values that can be had elsewhere, and may be gone at any time. No call raises or hangs.

    ``ttl`` is in seconds.
    """

    @property
    def is_usable(self) -> bool:
        """Whether there is any point in asking it now: not while it is left alone as it fails."""
        ...

    async def ready(self) -> None:
        """Wait for a first connection, if that is what a write would be lost for."""
        ...

    async def get(self, key: str, *, fresh: bool = False) -> bytes | None:
        """``fresh``: not from a replica, which may be a little behind."""
        ...

    async def get_many(self, keys: Sequence[str], *, fresh: bool = False) -> list[bytes | None]:
        """The value of each key, in order; None where there is none."""
        ...

    async def set(self, key: str, value: bytes, ttl: float) -> None: ...

    async def set_many(self, mapping: Mapping[str, bytes], ttl: float) -> None: ...

    async def add(self, mapping: Mapping[str, bytes], ttl: float) -> frozenset[str]:
        """Set each key that has no value yet; those that were set.

        Of several who add the same key, one at the most is told that it did.
        """
        ...

    async def write(self, writes: Sequence[CacheWrite]) -> frozenset[str]:
        """All of them in one exchange; the keys that were set."""
        ...

    async def delete(self, *keys: str) -> None: ...

    async def increment(self, key: str, ttl: float) -> int:
        """Count one up from 0; 0 where it could not be counted."""
        ...


class Probe(Protocol):
    """Whether a part serves."""

    async def __call__(self) -> None:
        """Raises where it does not."""
        ...
