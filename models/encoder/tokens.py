"""From text to the token windows that the encoder sees, the same in training and serving."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Encoding, Tokenizer

WINDOW_OVERLAP = 32
"""Tokens that two neighbouring windows of a long text share."""

_ENTITY = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)")
"""What `html.unescape` looks at: https://html.spec.whatwg.org/#character-references."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_HANDLE = re.compile(r"(?<![\w.])@\w+")
_BLANK = re.compile(r"\s+")

_STEPS: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (_ENTITY, html.unescape),
    (_SURROGATE, lambda _: "?"),
    (_LINK, lambda _: "http"),
    (_HANDLE, lambda _: "@user"),
    (_BLANK, lambda _: " "),
)


def normalise(text: str) -> str:
    """Return `text` as the encoder's training data writes it.

    HTML entities are decoded, links become `http`, user names become `@user`, white space is
    folded. Lone surrogates, which no tokenizer can encode, become `?`.
    """
    clean = html.unescape(text).encode("utf-8", "replace").decode("utf-8")
    return " ".join(_HANDLE.sub("@user", _LINK.sub("http", clean)).split())


@dataclass(frozen=True, slots=True)
class Alignment:
    """A normalised text, and where each of its characters is from.

    Character i of `text` stands for `source[start[i]:end[i]]`, counted in code points.
    """

    text: str
    start: Sequence[int]
    end: Sequence[int]


def align(text: str) -> Alignment:
    """Normalise `text` as `normalise` does, and remember where every character is from."""
    start: Sequence[int] = range(len(text))
    end: Sequence[int] = range(1, len(text) + 1)
    for pattern, replacement in _STEPS:
        text, start, end = _substitute(text, start, end, pattern, replacement)
    left = len(text) - len(text.lstrip())
    right = len(text.rstrip())
    return Alignment(text[left:right], start[left:right], end[left:right])


def _substitute(
    text: str,
    start: Sequence[int],
    end: Sequence[int],
    pattern: re.Pattern[str],
    replacement: Callable[[str], str],
) -> tuple[str, Sequence[int], Sequence[int]]:
    """Replace every match; each character of a replacement is from the whole match."""
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    copied = 0
    for match in pattern.finditer(text):
        new = replacement(match[0])
        if new == match[0]:
            continue
        pieces += (text[copied : match.start()], new)
        starts += (*start[copied : match.start()], *[start[match.start()]] * len(new))
        ends += (*end[copied : match.start()], *[end[match.end() - 1]] * len(new))
        copied = match.end()
    if not copied:
        return text, start, end
    return (
        "".join((*pieces, text[copied:])),
        [*starts, *start[copied:]],
        [*ends, *end[copied:]],
    )


def windows(length: int, size: int, overlap: int = WINDOW_OVERLAP) -> list[tuple[int, int]]:
    """Cut a sequence of `length` tokens into the fewest overlapping windows that cover it.

    Args:
        length: tokens without [CLS] and [SEP].
        size: most tokens in a window, more than `overlap`.
        overlap: fewest tokens that neighbours share, so that no phrase is only seen cut in two.

    Returns:
        (start, end) pairs, evenly spaced; empty where there is no token.
    """
    if length <= size:
        return [(0, length)] if length else []
    count = math.ceil((length - overlap) / (size - overlap))
    starts = [round(index * (length - size) / (count - 1)) for index in range(count)]
    return [(start, start + size) for start in starts]


class WindowTokenizer:
    """Word pieces in windows, each between [CLS] and [SEP]."""

    def __init__(self, path: Path, window_tokens: int) -> None:
        """Load `tokenizer.json`; a window has at most `window_tokens` tokens, specials included.

        Raises:
            ValueError: the tokenizer has no [CLS] or [SEP].
        """
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._size = window_tokens - 2
        start, end = (self._tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]"))
        if start is None or end is None:
            raise ValueError(f"{path}: no [CLS] or [SEP] token")
        self._start, self._end = start, end
        self.blank = [start, end]
        """What stands for a text without a token where a sequence is needed."""

    def encode(self, texts: Sequence[str]) -> list[list[list[int]]]:
        """Return the windows of each text, which together hold every token of it; a text without
        a token has none."""
        encodings = self._tokenizer.encode_batch_fast(
            [normalise(text) for text in texts], add_special_tokens=False
        )
        return [self._cut(encoding.ids) for encoding in encodings]

    def pieces(self, normalised: str) -> Encoding:
        """Return every word piece of a normalised text, with its place and its word."""
        encoding: Encoding = self._tokenizer.encode(normalised, add_special_tokens=False)
        return encoding

    def bounds(self, pieces: int) -> list[tuple[int, int]]:
        """Return the windows of a text of that many word pieces, [CLS] and [SEP] left out."""
        return windows(pieces, self._size)

    def _cut(self, ids: list[int]) -> list[list[int]]:
        return [[self._start, *ids[start:end], self._end] for start, end in self.bounds(len(ids))]
