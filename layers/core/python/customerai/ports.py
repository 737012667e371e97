"""What the use cases need of the world, as Protocols.

Every write may be repeated. Every method may raise ``UnavailableError``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from customerai.domain.analysis import Analysis, AnalysisOptions
from customerai.domain.interaction import Interaction, InteractionRef
from customerai.domain.rollup import AggregateKey, State, WindowCounters
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
class Page:
    """``resume`` is the id to go on after, or None where there is nothing more."""

    items: list[Interaction]
    resume: str | None


class Interactions(Protocol):
    """The interactions that are stored."""

    def add(self, interactions: Sequence[Interaction]) -> list[Exception | None]:
        """Store each where its id is free; one outcome each, in order.

        An id that is taken counts as stored: ids are made from who asked for what, so it can only
        be the same request again.
        """
        ...

    def get(self, tenant: str, interaction_id: str) -> Interaction | None: ...

    def page(self, tenant: str, where: InteractionFilter, after: str | None, limit: int) -> Page:
        """Up to ``limit`` interactions, newest first, older than the id ``after``.

        May hold fewer, even none, and still have a ``resume``: filters are given a bounded effort.
        """
        ...

    def remove(self, tenant: str, interaction_id: str) -> bool:
        """Whether there was one."""
        ...


class States(Protocol):
    """What of each stored interaction is counted."""

    def states(self, tenant: str, start: datetime, end: datetime) -> Iterator[State]:
        """All that occurred in [start, end)."""
        ...


class IdempotencyKeys(Protocol):
    """Which request a key belongs to, and what of it a repeat must not bring back."""

    def claim(self, tenant: str, key: str, fingerprint: str, received_at: datetime) -> datetime:
        """When the request was first received: now, or as recorded.

        Raises ``IdempotencyKeyReusedError`` where the key is bound to another fingerprint.
        """
        ...

    def bury(self, tenant: str, interaction_id: str, deleted_at: datetime) -> None:
        """Remember that this interaction was deleted, for as long as keys are remembered."""
        ...

    def buried(self, tenant: str, interaction_ids: Sequence[str]) -> frozenset[str]:
        """Those of them (100 at the most) that were deleted."""
        ...


class Analyses(Protocol):
    """The analysis that each stored interaction carries, or still waits for."""

    def pending_texts(self, refs: Iterable[InteractionRef]) -> dict[InteractionRef, str]:
        """The texts of those that exist and are not analysed yet."""
        ...

    def save(self, analyses: Mapping[InteractionRef, Analysis]) -> list[InteractionRef]:
        """Write each analysis where the interaction still waits for one; those that failed."""
        ...

    def pending(self, received_before: datetime) -> Iterator[InteractionRef]:
        """Every interaction of any tenant received before then that waits for its analysis."""
        ...


class AnalysisQueue(Protocol):
    """What is to be analysed; delivered at least once."""

    def send(self, refs: Sequence[InteractionRef]) -> None: ...

    def is_empty(self) -> bool:
        """Whether nothing is waiting or being worked on, as far as the queue knows."""
        ...


class DeadRecords(Protocol):
    """Where a record is put aside that nobody can read, for a person to look at."""

    def keep(self, name: str, record: Mapping[str, Any]) -> None: ...


class TextAnalyser(Protocol):
    """A model, or several that answer together."""

    def analyse(
        self, texts: Sequence[str], options: AnalysisOptions, timeout: float
    ) -> list[Analysis]:
        """One answer a text, in order, or ``UnavailableError`` after ``timeout`` seconds.

        Takes up to ``MAX_CALL_TEXTS`` texts of ``MAX_CALL_CHARACTERS`` together. A feature that no
        model in service finds is not among an answer's ``features``, though it was asked for.
        Raises ``ModelRejectedError`` for what it refuses.
        """
        ...


class FallbackAnalyser(TextAnalyser, Protocol):
    """A lesser model in this process, which needs nobody else and may have to be loaded first."""

    def standing_by(self, patience: float) -> AbstractContextManager[None]:
        """Have it load meanwhile, where what is done meanwhile takes over ``patience`` seconds."""
        ...


class TaxonomyReader(Protocol):
    def get(self, tenant: str) -> Taxonomy | None:
        """The tenant's own taxonomy, or None while it has set none."""
        ...


class Taxonomies(TaxonomyReader, Protocol):
    """The taxonomy that each tenant has set for itself."""

    def replace(self, tenant: str, taxonomy: Taxonomy, expected: str | None) -> None:
        """Store it where the stored one is of the version ``expected``; None: where none is.

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

    def apply(self, shard: str, changes: Mapping[AggregateKey, Sequence[SequencedChange]]) -> None:
        """Add each change whose sequence lies after what its window has seen of ``shard``.

        Each window's changes come in ascending order. Repeating any of it adds nothing.
        """
        ...

    def read(
        self, tenant: str, interval: Interval, start: datetime, end: datetime
    ) -> Iterator[WindowCounters]:
        """The counters of the windows that start in [start, end)."""
        ...


class Probe(Protocol):
    """Whether a part serves."""

    def __call__(self) -> None:
        """Raises where it does not."""
        ...
