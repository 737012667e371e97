"""The form in which models see a text, the same as the encoder's training data has."""

from __future__ import annotations

import html
import re

_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_HANDLE = re.compile(r"(?<![\w.])@\w+")


def normalise(text: str) -> str:
    """Return `text` as `models.encoder.tokens.normalise` does.

    HTML entities are decoded, links become `http`, user names become `@user`, white space is
    folded, lone surrogates become `?`. What a text can't contain isn't searched for: the patterns
    would cost more than all the rest of the analysis.
    """
    clean = html.unescape(text)
    if not clean.isascii():
        clean = clean.encode("utf-8", "replace").decode("utf-8")
    if "://" in clean or "www." in clean.lower():
        clean = _LINK.sub("http", clean)
    if "@" in clean:
        clean = _HANDLE.sub("@user", clean)
    return " ".join(clean.split())
