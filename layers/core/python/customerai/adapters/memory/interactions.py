"""Interactions, their analyses and idempotency keys in dictionaries."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from customerai.domain.analysis import Analysis
from customerai.domain.errors import IdempotencyKeyReusedError
from customerai.domain.ids import instant_of
from customerai.domain.interaction import Interaction, InteractionRef
from customerai.domain.rollup import MILLION, PENDING, State
from customerai.ports import InteractionFilter, Page


def state_of(interaction: Interaction) -> State:
    if interaction.analysis is None:
        return State(interaction.channel)
    sentiment = interaction.analysis.sentiment
    return State(interaction.channel, sentiment.label, round(sentiment.score * MILLION))


@dataclass
class MemoryInteractions:
    """``Interactions``, ``States`` and ``Analyses`` over one dictionary."""

    stored: dict[InteractionRef, Interaction] = field(default_factory=dict)

    def add(self, interactions: Sequence[Interaction]) -> list[Exception | None]:
        for interaction in interactions:
            self.stored.setdefault(interaction.ref, interaction)
        return [None] * len(interactions)

    def get(self, tenant: str, interaction_id: str) -> Interaction | None:
        return self.stored.get(InteractionRef(tenant, interaction_id))

    def page(self, tenant: str, where: InteractionFilter, after: str | None, limit: int) -> Page:
        matches = sorted(
            (
                interaction
                for interaction in self.stored.values()
                if interaction.tenant == tenant
                and (after is None or interaction.id < after)
                and _matches(interaction, where)
            ),
            key=lambda interaction: interaction.id,
            reverse=True,
        )
        more = len(matches) > limit
        return Page(matches[:limit], matches[limit - 1].id if more else None)

    def remove(self, tenant: str, interaction_id: str) -> bool:
        return self.stored.pop(InteractionRef(tenant, interaction_id), None) is not None

    def states(self, tenant: str, start: datetime, end: datetime) -> Iterator[State]:
        for interaction in self.stored.values():
            if interaction.tenant == tenant and start <= instant_of(interaction.id) < end:
                yield state_of(interaction)

    def pending_texts(self, refs: Iterable[InteractionRef]) -> dict[InteractionRef, str]:
        found = {ref: self.stored[ref] for ref in refs if ref in self.stored}
        return {ref: item.text for ref, item in found.items() if item.analysis is None}

    def save(self, analyses: Mapping[InteractionRef, Analysis]) -> list[InteractionRef]:
        for ref, analysis in analyses.items():
            interaction = self.stored.get(ref)
            if interaction and interaction.analysis is None:
                self.stored[ref] = replace(interaction, analysis=analysis)
        return []

    def pending(self, received_before: datetime) -> Iterator[InteractionRef]:
        for ref, interaction in list(self.stored.items()):
            if interaction.analysis is None and interaction.received_at < received_before:
                yield ref


def _matches(interaction: Interaction, where: InteractionFilter) -> bool:
    label = interaction.analysis.sentiment.label if interaction.analysis else PENDING
    instant = instant_of(interaction.id)
    return (
        (where.channel is None or interaction.channel == where.channel)
        and (where.sentiment is None or label == where.sentiment)
        and (where.customer_id is None or interaction.customer_id == where.customer_id)
        and (where.start is None or instant >= where.start)
        and (where.end is None or instant < where.end)
    )


@dataclass
class MemoryIdempotencyKeys:
    claims: dict[tuple[str, str], tuple[str, datetime]] = field(default_factory=dict)
    deleted: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def claim(self, tenant: str, key: str, fingerprint: str, received_at: datetime) -> datetime:
        first_fingerprint, first_received_at = self.claims.setdefault(
            (tenant, key), (fingerprint, received_at)
        )
        if first_fingerprint != fingerprint:
            raise IdempotencyKeyReusedError("This Idempotency-Key was used for another request.")
        return first_received_at

    def bury(self, tenant: str, interaction_id: str, deleted_at: datetime) -> None:
        self.deleted[tenant, interaction_id] = deleted_at

    def buried(self, tenant: str, interaction_ids: Sequence[str]) -> frozenset[str]:
        return frozenset(each for each in interaction_ids if (tenant, each) in self.deleted)
