"""Interactions, their analyses and idempotency keys in dictionaries."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from customerai.domain.analysis import Analysis
from customerai.domain.errors import IdempotencyKeyReusedError
from customerai.domain.ids import instant_of
from customerai.domain.interaction import Interaction, InteractionRef
from customerai.domain.interaction_view import InteractionView, view_of
from customerai.domain.rollup import MILLION, PENDING, State
from customerai.ports import WHOLE, Claim, InteractionFilter, Page, Reading


def state_of(interaction: Interaction) -> State:
    if interaction.analysis is None:
        return State(interaction.channel)
    sentiment = interaction.analysis.sentiment
    return State(interaction.channel, sentiment.label, round(sentiment.score * MILLION))


@dataclass
class MemoryInteractions:
    """``Interactions``, ``States``, ``Analyses`` and ``Backlog`` over one dictionary."""

    stored: dict[InteractionRef, Interaction] = field(default_factory=dict)

    async def add(self, interactions: Sequence[Interaction]) -> list[Exception | None]:
        for interaction in interactions:
            self.stored.setdefault(interaction.ref, interaction)
        return [None] * len(interactions)

    async def get(
        self, tenant: str, interaction_id: str, reading: Reading = WHOLE
    ) -> InteractionView | None:
        found = self.stored.get(InteractionRef(tenant, interaction_id))
        return view_of(found, reading.fields) if found else None

    async def get_many(
        self, tenant: str, interaction_ids: Sequence[str], reading: Reading = WHOLE
    ) -> dict[str, InteractionView]:
        found = [self.stored.get(InteractionRef(tenant, each)) for each in interaction_ids]
        return {each.id: view_of(each, reading.fields) for each in found if each}

    async def page(
        self,
        tenant: str,
        where: InteractionFilter,
        after: str | None,
        limit: int,
        reading: Reading = WHOLE,
    ) -> Page:
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
        items = [view_of(each, reading.fields) for each in matches[:limit]]
        return Page(items, matches[limit - 1].id if more else None)

    async def remove(self, tenant: str, interaction_ids: Sequence[str]) -> list[bool | Exception]:
        return [
            self.stored.pop(InteractionRef(tenant, each), None) is not None
            for each in interaction_ids
        ]

    async def states(self, tenant: str, start: datetime, end: datetime) -> AsyncIterator[State]:
        for interaction in self.stored.values():
            if interaction.tenant == tenant and start <= instant_of(interaction.id) < end:
                yield state_of(interaction)

    async def pending_texts(self, refs: Iterable[InteractionRef]) -> dict[InteractionRef, str]:
        found = {ref: self.stored[ref] for ref in refs if ref in self.stored}
        return {ref: item.text for ref, item in found.items() if item.analysis is None}

    async def save(self, analyses: Mapping[InteractionRef, Analysis]) -> list[InteractionRef]:
        for ref, analysis in analyses.items():
            interaction = self.stored.get(ref)
            if interaction and interaction.analysis is None:
                self.stored[ref] = replace(interaction, analysis=analysis)
        return []

    async def pending(self, received_before: datetime) -> AsyncIterator[InteractionRef]:
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

    async def claim(self, tenant: str, key: str, fingerprint: str, received_at: datetime) -> Claim:
        is_first = (tenant, key) not in self.claims
        first_fingerprint, first_received_at = self.claims.setdefault(
            (tenant, key), (fingerprint, received_at)
        )
        if first_fingerprint != fingerprint:
            raise IdempotencyKeyReusedError("This Idempotency-Key was used for another request.")
        return Claim(first_received_at, is_first)

    async def bury(
        self, tenant: str, interaction_ids: Sequence[str], deleted_at: datetime
    ) -> list[Exception | None]:
        self.deleted |= {(tenant, each): deleted_at for each in interaction_ids}
        return [None] * len(interaction_ids)

    async def buried(self, tenant: str, interaction_ids: Sequence[str]) -> frozenset[str]:
        return frozenset(each for each in interaction_ids if (tenant, each) in self.deleted)
