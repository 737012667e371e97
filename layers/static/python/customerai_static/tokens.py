"""From text to word piece ids, at a tenth of a tokenizer's price."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from customerai_static.text import normalise

_PARTS = re.compile(r"[a-z0-9]+|[^a-z0-9]")
_MOST_KNOWN = 1 << 16
_LONGEST_KNOWN = 32
"""Bounds of the memory of words: some 10 MB when full."""


class WordPieces:
    """Word piece ids of texts, remembered word by word.

    The tokenizer is BERT's, which never looks across white space: the pieces of a text are those of
    its words in a row. Most words of a text have been seen before, so a look-up replaces most of
    the tokenizer's work. Safe for threads: an entry is the same whoever writes it.
    """

    def __init__(self, path: Path, rows: Sequence[int] | None = None) -> None:
        """Load `tokenizer.json`.

        Args:
            path: the file.
            rows: what to return in place of each id, counted from 0; the id itself by default.
        """
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._rows = rows
        self._known: dict[str, list[int]] = {}

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text's word pieces, without any special token."""
        return [self._encode(normalise(text).split(" ")) for text in texts]

    def _encode(self, words: list[str]) -> list[int]:
        known = self._known
        try:
            return [piece for word in words for piece in known[word]]
        except KeyError:
            return [piece for word in words for piece in known.get(word) or self._learn(word)]

    def _learn(self, word: str) -> list[int]:
        pieces = self._whole_pieces(word)
        if pieces is None:
            pieces = self._tokenizer.encode(word, add_special_tokens=False).ids
        if self._rows is not None:
            pieces = [self._rows[piece] for piece in pieces]
        if len(word) <= _LONGEST_KNOWN:
            if len(self._known) >= _MOST_KNOWN:
                # The frequent words, which are all that matters, are back within a few texts.
                self._known = {}
            self._known[word] = pieces
        return pieces

    def _whole_pieces(self, word: str) -> list[int] | None:
        """Return the pieces of a word whose letters, digits and signs are pieces as they stand, as
        those of "Great!!" are; None for any other, or where the tokenizer would do more."""
        if not word.isascii() or not word.isprintable() or "[" in word:
            return None
        pieces = []
        for part in _PARTS.findall(word.lower()):
            piece = self._tokenizer.token_to_id(part)
            if piece is None:
                return None
            pieces.append(piece)
        return pieces
