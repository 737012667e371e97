"""From an interaction's item to what a reader sees of it, without anything in between."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from customerai.adapters.dynamodb.analysis_json import StoredAnalysis, decode_analysis
from customerai.adapters.dynamodb.reads import Number, Text
from customerai.domain.analysis import Tier
from customerai.domain.interaction_view import (
    ALL_FIELDS,
    AspectView,
    FeaturesView,
    InteractionView,
    LanguageView,
    MatchView,
    MetadataValues,
    ScoresView,
    SentimentView,
    TopicView,
    as_text,
)

_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "sentiment": ("sentiment", "scores", "model", "analysis"),
    "analysis": ("sentiment", "analysis", "text"),
}
"""What a field is made of, where that is not the attribute of its name."""

_SCORES = msgspec.json.Decoder(tuple[float, float, float])
_METADATA = msgspec.json.Decoder(MetadataValues)


class StoredInteraction(msgspec.Struct, gc=False):
    """The attributes that are read; which of them an item has depends on the projection."""

    id: Text
    customer_id: Text | None = None
    channel: Text | None = None
    text: Text | None = None
    occurred_at: Text | None = None
    received_at: Text | None = None
    product: Text | None = None
    rating: Number | None = None
    language: Text | None = None
    metadata: Text | None = None
    sentiment: Text | None = None
    scores: Text | None = None
    model: Text | None = None
    analysis: Text | None = None


def projection(fields: AbstractSet[str], also: Iterable[str] = ()) -> tuple[str, ...]:
    """The attributes that ``fields`` are made of, and ``also``; empty where that is all of them."""
    if fields == ALL_FIELDS:
        return ()
    attributes = {"id", *also}
    for name in fields:
        attributes.update(_ATTRIBUTES.get(name, (name,)))
    return tuple(sorted(attributes))


def view(item: StoredInteraction, fields: AbstractSet[str]) -> InteractionView:
    if fields == ALL_FIELDS:
        return _whole(item)
    return InteractionView(
        id=item.id.value, **{name: _READERS[name](item) for name in fields if name != "id"}
    )


def _whole(item: StoredInteraction) -> InteractionView:
    found = _analysis(item)
    return InteractionView(
        id=item.id.value,
        customer_id=_text(item.customer_id),
        channel=_text(item.channel),
        text=_text(item.text),
        occurred_at=as_text(_text(item.occurred_at)),
        received_at=as_text(_text(item.received_at)),
        product=item.product.value if item.product else None,
        rating=float(item.rating.value) if item.rating else None,
        language=item.language.value if item.language else None,
        metadata=_metadata(item),
        sentiment=_sentiment(item, found) if found else None,
        analysis=_features(item, found) if found else None,
    )


def _text(attribute: Text | None) -> str:
    """Of an attribute that every item has."""
    if attribute is None:
        raise ValueError("an interaction lacks an attribute that every one has")
    return attribute.value


def _metadata(item: StoredInteraction) -> MetadataValues:
    return _METADATA.decode(item.metadata.value) if item.metadata else {}


def _analysis(item: StoredInteraction) -> StoredAnalysis | None:
    """Items from before there was more than a sentiment were analysed by the full tier."""
    if item.sentiment is None:
        return None
    return decode_analysis(item.analysis.value) if item.analysis else StoredAnalysis(Tier.FULL)


def _sentiment(item: StoredInteraction, found: StoredAnalysis) -> SentimentView:
    label = _text(item.sentiment)
    scores = ScoresView(*_SCORES.decode(_text(item.scores)))
    return SentimentView(
        label, scores, getattr(scores, label), found.abstained, _text(item.model), found.tier
    )


def _features(item: StoredInteraction, found: StoredAnalysis) -> FeaturesView:
    aspects, topics = found.aspects, found.topics
    if aspects is not None:
        text = _text(item.text)
        named: tuple[AspectView, ...] | None = tuple(
            [AspectView(text[each[0] : each[1]], *each) for each in aspects]
        )
    else:
        named = None
    return FeaturesView(
        named,
        tuple([TopicView(*each) for each in topics]) if topics is not None else None,
        found.taxonomy,
        MatchView(*found.intent) if found.intent else None,
        MatchView(*found.urgency) if found.urgency else None,
        LanguageView(*found.language) if found.language else None,
    )


def _optional(name: str) -> Any:
    def read(item: StoredInteraction) -> str | None:
        attribute: Text | None = getattr(item, name)
        return attribute.value if attribute else None

    return read


def _required(name: str) -> Any:
    return lambda item: _text(getattr(item, name))


_READERS: Mapping[str, Any] = {
    **{name: _required(name) for name in ("customer_id", "channel", "text")},
    **{name: _optional(name) for name in ("product", "language")},
    "occurred_at": lambda item: as_text(_text(item.occurred_at)),
    "received_at": lambda item: as_text(_text(item.received_at)),
    "rating": lambda item: float(item.rating.value) if item.rating else None,
    "metadata": _metadata,
    "sentiment": lambda item: _sentiment(item, found) if (found := _analysis(item)) else None,
    "analysis": lambda item: _features(item, found) if (found := _analysis(item)) else None,
}
