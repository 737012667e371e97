"""The language a text is in."""

from __future__ import annotations

from pathlib import Path

import py3langid

from customerai.domain.analysis import Language
from models.language.detector import LanguageDetector

_ENGLISH = frozenset(
    "the and of that this with you your they have had but my would which from are were their been"  # noqa: SIM905
    " when there what because could should about after it's don't didn't i'm it is for our has who"
    " how then than them very only she he will its be if some more before again really every never"
    " i was to".split()
)
"""Frequent in English; no text in another language has many of them."""

_FEWEST = 3
_SHARE = 0.15
_LOOKED_AT = 600


class TextLanguage:
    """The detector, and a shortcut past it; safe to call from several threads at once."""

    version = f"py3langid-{py3langid.__version__}"

    def __init__(self, detector: LanguageDetector) -> None:
        self._detector = detector

    def detect(self, text: str) -> Language:
        """Return the language of `text`."""
        return self._detector.detect(text)

    def supported(self, text: str) -> bool:
        """Return whether the models can be trusted with `text`: where it is too short to tell, yes.

        Every text is asked about, and the detector takes a twentieth of what the encoder does. So
        what is plainly English does without: three English texts in four, and of 21,231 in other
        languages 8 that the detector would have told.
        """
        words = text[:_LOOKED_AT].lower().split()
        if len(_ENGLISH.intersection(words)) >= max(_FEWEST, _SHARE * len(words)):
            return True
        return self._detector.detect(text).supported


def load(name: str, folder: Path | None = None) -> TextLanguage:  # noqa: ARG001
    return TextLanguage(LanguageDetector())
