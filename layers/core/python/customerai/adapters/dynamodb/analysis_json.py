"""An analysis as JSON in one attribute, without what the rest of the item tells already.

The sentiment has attributes of its own, and an aspect's words are a part of the text.

| key | what |
|---|---|
| tier, abstained | as they are; ``abstained`` where it is true |
| aspects | ``[start, end, label, confidence]`` each |
| topics, taxonomy | ``[id, confidence]`` each; the version of the taxonomy |
| intent, urgency | ``[label, confidence]``, or null where the model abstains |
| language | ``[code, confidence, supported]`` |

A feature that was not analysed has no key. Confidences have four digits.
"""

import json
from typing import Any

from customerai.domain.analysis import (
    Analysis,
    Aspect,
    Feature,
    Intent,
    IntentMatch,
    Language,
    Tier,
    TopicMatch,
    Urgency,
    UrgencyMatch,
)
from customerai.domain.sentiment import Sentiment, SentimentLabel

_DIGITS = 4


def dump_analysis(analysis: Analysis) -> str:
    content: dict[str, Any] = {"tier": analysis.tier}
    if analysis.abstained:
        content["abstained"] = True
    if analysis.aspects is not None:
        content["aspects"] = [
            [each.start, each.end, each.label, round(each.confidence, _DIGITS)]
            for each in analysis.aspects
        ]
    if analysis.topics is not None:
        content["topics"] = [[each.id, round(each.confidence, _DIGITS)] for each in analysis.topics]
        content["taxonomy"] = analysis.taxonomy
    if Feature.INTENT in analysis.features:
        content["intent"] = _pair(analysis.intent)
    if Feature.URGENCY in analysis.features:
        content["urgency"] = _pair(analysis.urgency)
    if analysis.language is not None:
        found = analysis.language
        content["language"] = [found.code, round(found.confidence, _DIGITS), found.supported]
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def load_analysis(content: str | None, sentiment: Sentiment, text: str) -> Analysis:
    """The analysis of ``text``; items from before there was more than a sentiment have no content.

    All that analysed those was the full tier.
    """
    found: dict[str, Any] = json.loads(content) if content else {"tier": Tier.FULL}
    intent, urgency, language = found.get("intent"), found.get("urgency"), found.get("language")
    aspects, topics = found.get("aspects"), found.get("topics")
    return Analysis(
        sentiment,
        Tier(found["tier"]),
        abstained=found.get("abstained", False),
        features=frozenset(feature for feature in Feature if feature in found),
        aspects=None
        if aspects is None
        else tuple(
            Aspect(text[start:end], start, end, SentimentLabel(label), confidence)
            for start, end, label, confidence in aspects
        ),
        topics=None if topics is None else tuple(TopicMatch(*each) for each in topics),
        taxonomy=found.get("taxonomy"),
        intent=IntentMatch(Intent(intent[0]), intent[1]) if intent else None,
        urgency=UrgencyMatch(Urgency(urgency[0]), urgency[1]) if urgency else None,
        language=Language(*language) if language else None,
    )


def _pair(found: IntentMatch | UrgencyMatch | None) -> list[Any] | None:
    return None if found is None else [found.label, round(found.confidence, _DIGITS)]
