"""A lexicon of a few words in place of the model: fast and deterministic."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from customerai.domain.sentiment import Scores, Sentiment, SentimentLabel

_GOOD = frozenset({"good", "great", "love", "excellent", "happy", "perfect"})
_BAD = frozenset({"bad", "awful", "hate", "broken", "late", "terrible"})


@dataclass
class LexiconSentimentModel:
    """``customerai.ports.SentimentModel``."""

    version: str = "lexicon-1"

    def analyse(self, texts: Sequence[str]) -> list[Sentiment]:
        return [self._analyse(text) for text in texts]

    def probe(self) -> None:
        """A lexicon always serves."""

    def _analyse(self, text: str) -> Sentiment:
        words = re.findall(r"[a-z]+", text.lower())
        balance = sum(word in _GOOD for word in words) - sum(word in _BAD for word in words)
        if balance > 0:
            return Sentiment(SentimentLabel.POSITIVE, Scores(0.05, 0.15, 0.8), self.version)
        if balance < 0:
            return Sentiment(SentimentLabel.NEGATIVE, Scores(0.8, 0.15, 0.05), self.version)
        return Sentiment(SentimentLabel.NEUTRAL, Scores(0.1, 0.8, 0.1), self.version)
