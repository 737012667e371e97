"""A few words in place of the models: fast and deterministic."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from customerai.domain.analysis import (
    Analysis,
    AnalysisOptions,
    Aspect,
    Feature,
    Intent,
    IntentMatch,
    Language,
    RequestedTier,
    Tier,
    TopicMatch,
    Urgency,
    UrgencyMatch,
)
from customerai.domain.sentiment import Scores, Sentiment, SentimentLabel
from customerai.domain.taxonomy import Taxonomy

_GOOD = frozenset({"good", "great", "love", "excellent", "happy", "perfect"})
_BAD = frozenset({"bad", "awful", "hate", "broken", "late", "terrible"})
_THINGS = re.compile(r"\b(jacket|parcel|service|tent|pole)\b")


@dataclass
class LexiconTextAnalyser:
    """``customerai.ports.TextAnalyser``; every tier is the same lexicon.

    ``serves`` are the features that it finds, as a container does that has no model for others.
    """

    version: str = "lexicon-1"
    serves: frozenset[Feature] = frozenset(Feature)

    async def analyse(
        self,
        texts: Sequence[str],
        options: AnalysisOptions,
        seconds: float,  # noqa: ARG002 - it answers at once
    ) -> list[Analysis]:
        return [self._analyse(text, options) for text in texts]

    async def probe(self) -> None:
        """A lexicon always serves."""

    def _analyse(self, text: str, options: AnalysisOptions) -> Analysis:
        sentiment = self._sentiment(text)
        found = options.include & self.serves
        taxonomy = options.taxonomy if Feature.TOPICS in found else None
        cascade = options.tier is RequestedTier.CASCADE
        return Analysis(
            sentiment,
            Tier.FULL if cascade else Tier(options.tier),
            features=found,
            aspects=_aspects(text, sentiment.label) if Feature.ASPECTS in found else None,
            topics=_topics(text, taxonomy) if taxonomy else None,
            taxonomy=taxonomy.version if taxonomy else None,
            intent=_intent(text) if Feature.INTENT in found else None,
            urgency=_urgency(text) if Feature.URGENCY in found else None,
            language=Language("en", 0.95, True) if Feature.LANGUAGE in found else None,
        )

    def _sentiment(self, text: str) -> Sentiment:
        words = re.findall(r"[a-z]+", text.lower())
        balance = sum(word in _GOOD for word in words) - sum(word in _BAD for word in words)
        if balance > 0:
            return Sentiment(SentimentLabel.POSITIVE, Scores(0.05, 0.15, 0.8), self.version)
        if balance < 0:
            return Sentiment(SentimentLabel.NEGATIVE, Scores(0.8, 0.15, 0.05), self.version)
        return Sentiment(SentimentLabel.NEUTRAL, Scores(0.1, 0.8, 0.1), self.version)


def _aspects(text: str, label: SentimentLabel) -> tuple[Aspect, ...]:
    return tuple(
        Aspect(found[0], found.start(), found.end(), label, 0.8) for found in _THINGS.finditer(text)
    )


def _topics(text: str, taxonomy: Taxonomy) -> tuple[TopicMatch, ...]:
    """Those whose label shares a word with the text."""
    words = set(re.findall(r"\w+", text.lower()))
    return tuple(
        TopicMatch(topic.id, 0.7)
        for topic in taxonomy.topics
        if words & set(re.findall(r"\w+", topic.label.lower()))
    )


def _intent(text: str) -> IntentMatch | None:
    return IntentMatch(Intent.REFUND, 0.9) if "refund" in text else None


def _urgency(text: str) -> UrgencyMatch:
    return UrgencyMatch(Urgency.HIGH if "urgent" in text else Urgency.NORMAL, 0.75)
