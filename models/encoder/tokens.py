"""From text to the token windows that the encoder sees, the same in training and serving."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

WINDOW_OVERLAP = 32
"""Tokens that two neighbouring windows of a long text share."""

_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_HANDLE = re.compile(r"(?<![\w.])@\w+")


def normalise(text: str) -> str:
    """Return `text` as the encoder's training data writes it.

    HTML entities are decoded, links become `http`, user names become `@user`, white space is
    folded. Lone surrogates, which no tokenizer can encode, become `?`.
    """
    clean = html.unescape(text).encode("utf-8", "replace").decode("utf-8")
    return " ".join(_HANDLE.sub("@user", _LINK.sub("http", clean)).split())


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
        return [
            [
                [self._start, *ids[start:end], self._end]
                for start, end in windows(len(ids), self._size)
            ]
            for ids in (encoding.ids for encoding in encodings)
        ]
