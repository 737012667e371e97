"""Ways of writing the same words. Each function changes how a text is spelled, not what it says."""

from __future__ import annotations

import re

AMERICAN_OF_BRITISH = {
    "apologise": "apologize",
    "apologised": "apologized",
    "cancelled": "canceled",
    "catalogue": "catalog",
    "centre": "center",
    "cheque": "check",
    "colour": "color",
    "colours": "colors",
    "favourite": "favorite",
    "flavour": "flavor",
    "grey": "gray",
    "honour": "honor",
    "jewellery": "jewelry",
    "licence": "license",
    "litre": "liter",
    "metre": "meter",
    "mould": "mold",
    "neighbour": "neighbor",
    "organised": "organized",
    "programme": "program",
    "realise": "realize",
    "realised": "realized",
    "recognise": "recognize",
    "theatre": "theater",
    "travelling": "traveling",
    "tyre": "tire",
    "tyres": "tires",
}

_CASUAL = {
    "going to": "gonna",
    "want to": "wanna",
    "got to": "gotta",
    "give me": "gimme",
    "let me": "lemme",
    "kind of": "kinda",
    "you": "u",
    "are": "r",
    "please": "pls",
    "thanks": "thx",
    "because": "cuz",
    "though": "tho",
}

_ARTICLE = re.compile(r"\b(?:the|an|a)\s+", re.IGNORECASE)


def lower_case(text: str) -> str:
    """Return the text without capitals."""
    return text.lower()


def without_apostrophes(text: str) -> str:
    """Return the text with "don't" as "dont"."""
    return text.replace("'", "").replace("\u2019", "")


def american(text: str) -> str:
    """Return the text with the British spellings that are listed above in American spelling."""
    return _replace_words(text, AMERICAN_OF_BRITISH)


def casual(text: str) -> str:
    """Return the text with contractions as people type them in a chat ("gonna", "u", "pls")."""
    return _replace_words(text, _CASUAL)


def without_articles(text: str) -> str:
    """Return the text without articles, as speakers of languages that have none may write."""
    shorter = _ARTICLE.sub("", text)
    return shorter[:1].upper() + shorter[1:] if text[:1].isupper() else shorter


def _replace_words(text: str, words: dict[str, str]) -> str:
    pattern = r"\b(?:" + "|".join(sorted(map(re.escape, words), key=len, reverse=True)) + r")\b"

    def other(match: re.Match[str]) -> str:
        found = match.group()
        word = words[found.lower()]
        return word.capitalize() if found[0].isupper() else word

    return re.sub(pattern, other, text, flags=re.IGNORECASE)
