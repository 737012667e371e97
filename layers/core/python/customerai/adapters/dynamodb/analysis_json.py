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

import msgspec

from customerai.domain.analysis import Analysis, Feature, IntentMatch, UrgencyMatch

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


class StoredAnalysis(msgspec.Struct, gc=False):
    """As it is stored. Null in ``intent`` or ``urgency`` is an answer: the model abstains."""

    tier: str
    abstained: bool = False
    aspects: tuple[tuple[int, int, str, float], ...] | None = None
    topics: tuple[tuple[str, float], ...] | None = None
    taxonomy: str | None = None
    intent: tuple[str, float] | None = None
    urgency: tuple[str, float] | None = None
    language: tuple[str, float, bool] | None = None


_DECODER = msgspec.json.Decoder(StoredAnalysis)


def decode_analysis(content: str) -> StoredAnalysis:
    return _DECODER.decode(content)


def _pair(found: IntentMatch | UrgencyMatch | None) -> list[Any] | None:
    return None if found is None else [found.label, round(found.confidence, _DIGITS)]
