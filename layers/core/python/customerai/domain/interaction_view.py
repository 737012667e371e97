"""An interaction as it is read: any choice of its fields, ready to be encoded.

Reading builds no ``Interaction``: what was stored is valid, and a list of a hundred is encoded in
one pass.
"""

from collections.abc import Set as AbstractSet
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from customerai.domain.analysis import Analysis, IntentMatch, UrgencyMatch
from customerai.domain.interaction import Interaction

MetadataValues = dict[str, str | bool | int | float | None]


class ScoresView(msgspec.Struct, frozen=True, gc=False):
    negative: float
    neutral: float
    positive: float


class SentimentView(msgspec.Struct, frozen=True, gc=False):
    label: str
    scores: ScoresView
    confidence: float
    abstained: bool
    model: str
    tier: str


class AspectView(msgspec.Struct, frozen=True, gc=False):
    words: str
    start: int
    end: int
    label: str
    confidence: float


class TopicView(msgspec.Struct, frozen=True, gc=False):
    id: str
    confidence: float


class MatchView(msgspec.Struct, frozen=True, gc=False):
    label: str
    confidence: float


class LanguageView(msgspec.Struct, frozen=True, gc=False):
    code: str
    confidence: float
    supported: bool


class FeaturesView(msgspec.Struct, frozen=True, gc=False):
    """Null: not analysed, or for an intent or urgency not sure."""

    aspects: tuple[AspectView, ...] | None = None
    topics: tuple[TopicView, ...] | None = None
    taxonomy: str | None = None
    intent: MatchView | None = None
    urgency: MatchView | None = None
    language: LanguageView | None = None


class InteractionView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The id, and each field that was asked for; the others are unset and not encoded.

    Instants are ISO 8601 in UTC. ``sentiment`` and ``analysis`` are None until it is analysed.
    """

    id: str
    customer_id: str | UnsetType = UNSET
    channel: str | UnsetType = UNSET
    text: str | UnsetType = UNSET
    occurred_at: str | UnsetType = UNSET
    received_at: str | UnsetType = UNSET
    product: str | UnsetType | None = UNSET
    rating: float | UnsetType | None = UNSET
    language: str | UnsetType | None = UNSET
    metadata: MetadataValues | UnsetType = UNSET
    sentiment: SentimentView | UnsetType | None = UNSET
    analysis: FeaturesView | UnsetType | None = UNSET


FIELDS: tuple[str, ...] = InteractionView.__struct_fields__
ALL_FIELDS = frozenset(FIELDS)


def view_of(interaction: Interaction, fields: AbstractSet[str] = ALL_FIELDS) -> InteractionView:
    """``interaction`` as a reader of ``fields`` sees it."""
    found = interaction.analysis
    whole: dict[str, Any] = {
        "customer_id": interaction.customer_id,
        "channel": str(interaction.channel),
        "text": interaction.text,
        "occurred_at": as_text(interaction.occurred_at.isoformat()),
        "received_at": as_text(interaction.received_at.isoformat()),
        "product": interaction.product,
        "rating": interaction.rating,
        "language": interaction.language,
        "metadata": interaction.metadata or {},
        "sentiment": sentiment_view(found) if found else None,
        "analysis": features_view(found) if found else None,
    }
    return InteractionView(
        id=interaction.id, **{name: value for name, value in whole.items() if name in fields}
    )


def sentiment_view(analysis: Analysis) -> SentimentView:
    sentiment = analysis.sentiment
    scores = sentiment.scores
    return SentimentView(
        label=str(sentiment.label),
        scores=ScoresView(scores.negative, scores.neutral, scores.positive),
        confidence=sentiment.confidence,
        abstained=analysis.abstained,
        model=sentiment.model,
        tier=str(analysis.tier),
    )


def features_view(analysis: Analysis) -> FeaturesView:
    aspects, topics, language = analysis.aspects, analysis.topics, analysis.language
    return FeaturesView(
        aspects=None
        if aspects is None
        else tuple(
            AspectView(each.words, each.start, each.end, str(each.label), each.confidence)
            for each in aspects
        ),
        topics=None
        if topics is None
        else tuple(TopicView(each.id, each.confidence) for each in topics),
        taxonomy=analysis.taxonomy,
        intent=_match(analysis.intent),
        urgency=_match(analysis.urgency),
        language=LanguageView(language.code, language.confidence, language.supported)
        if language
        else None,
    )


def _match(found: IntentMatch | UrgencyMatch | None) -> MatchView | None:
    return MatchView(str(found.label), found.confidence) if found else None


def as_text(iso_8601: str) -> str:
    """UTC's offset the short way."""
    return iso_8601.removesuffix("+00:00") + "Z" if iso_8601.endswith("+00:00") else iso_8601
