"""Analyses as clients see them."""

from typing import Any

from pydantic import BaseModel, Field
from pydantic.config import JsonDict

from customerai.domain.analysis import (
    Analysis,
    Aspect,
    Feature,
    IntentMatch,
    Language,
    Tier,
    TopicMatch,
    UrgencyMatch,
)
from customerai.domain.sentiment import Scores, SentimentLabel

SENTIMENT_EXAMPLE: JsonDict = {
    "label": "positive",
    "scores": {"negative": 0.21, "neutral": 0.13, "positive": 0.66},
    "confidence": 0.66,
    "abstained": False,
    "model": "minilm-l6-sentiment-4",
    "tier": "full",
}
FEATURES_EXAMPLE: JsonDict = {
    "aspects": [
        {"words": "tent", "start": 4, "end": 8, "label": "positive", "confidence": 0.93},
        {"words": "pole", "start": 39, "end": 43, "label": "negative", "confidence": 0.88},
    ],
    "topics": [{"id": "product-quality", "confidence": 0.81}],
    "taxonomy": "5b1f0a3c77d2e946",
    "intent": {"label": "complaint", "confidence": 0.58},
    "urgency": {"label": "normal", "confidence": 0.9},
    "language": {"code": "en", "confidence": 0.99, "supported": True},
}


class SentimentOut(BaseModel, title="Sentiment"):
    """What the author feels. Where it abstains, the label is no more than the likeliest one."""

    label: SentimentLabel
    scores: Scores
    confidence: float = Field(description="Probability that the label is right.")
    abstained: bool = Field(
        description="The model is not sure enough, or does not know the language."
    )
    model: str = Field(description="Version of the model that answered.")
    tier: Tier


class FeaturesOut(BaseModel, title="Features"):
    """What is said beyond the label. Null: not analysed, or for an intent or urgency not sure."""

    aspects: tuple[Aspect, ...] | None = Field(
        default=None,
        description="The things that the text has an opinion of, and where it names them.",
    )
    topics: tuple[TopicMatch, ...] | None = Field(
        default=None, description="Topics of the taxonomy that the text is about."
    )
    taxonomy: str | None = Field(
        default=None, description="Version of the taxonomy that the topics are of: its `ETag`."
    )
    intent: IntentMatch | None = Field(default=None, description="What the author wants.")
    urgency: UrgencyMatch | None = None
    language: Language | None = Field(
        default=None, description="The language that the text seems to be in."
    )


def sentiment_fields(analysis: Analysis) -> dict[str, Any]:
    """The values of ``SentimentOut``."""
    sentiment = analysis.sentiment
    return {
        "label": sentiment.label,
        "scores": sentiment.scores,
        "confidence": sentiment.confidence,
        "abstained": analysis.abstained,
        "model": sentiment.model,
        "tier": analysis.tier,
    }


def feature_fields(analysis: Analysis, include: frozenset[Feature]) -> dict[str, Any]:
    """The values of ``FeaturesOut`` for these features, whether or not the analysis has them."""
    values = {feature.value: getattr(analysis, feature) for feature in include}
    if Feature.TOPICS in include:
        values["taxonomy"] = analysis.taxonomy
    return values
