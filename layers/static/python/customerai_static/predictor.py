"""From texts to calibrated probabilities."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from customerai.domain.sentiment import SentimentLabel
from customerai_static.artifact import (
    ARTIFACT,
    HEAD_FILE,
    LABELS,
    NEVER_SURE,
    PAIRS_FILE,
    PIECES_FILE,
    TOKENIZER_FILE,
    Lock,
    StaticArtifactError,
    open_table,
    read_lock,
)
from customerai_static.network import Head, Network
from customerai_static.tokens import WordPieces

_LOG = logging.getLogger(__name__)

_PIECES_AT_ONCE = 8192
"""Enough to make numpy's calls cheap, few enough for the processor's cache."""

_NEUTRAL = LABELS.index(SentimentLabel.NEUTRAL)


class StaticSentiment:
    """The static tier: safe for threads, which share its tables and its memory of words."""

    def __init__(self, network: Network, pieces: WordPieces, lock: Lock) -> None:
        """Put a model together from its parts; `load` is the usual way."""
        self._network = network
        self._pieces = pieces
        self._lock = lock

    @classmethod
    def load(cls, folder: Path = ARTIFACT, *, verify: bool = True) -> StaticSentiment:
        """Load an artefact after holding its files against its lock.

        Args:
            folder: where the artefact is.
            verify: whether to compare digests, which reads all of it, and not sizes alone.

        Raises:
            StaticArtifactError: the artefact is incomplete, altered, or of other classes.
        """
        lock = read_lock(folder, verify=verify)
        try:
            with np.load(folder / HEAD_FILE, allow_pickle=False) as arrays:
                parts = dict(arrays)
            rows = parts.pop("rows").tolist()
            head = Head(**parts)
            tables = open_table(folder / PIECES_FILE), open_table(folder / PAIRS_FILE)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StaticArtifactError(f"{folder}: unreadable tables ({error})") from error
        return cls(Network(*tables, head), WordPieces(folder / TOKENIZER_FILE, rows), lock)

    @property
    def version(self) -> str:
        """Name of the model version."""
        return self._lock.version

    @property
    def abstain_below(self) -> float:
        """Top probability under which the model would rather not say."""
        return self._lock.abstain_below

    @property
    def sure_above(self) -> float:
        """The cascade's threshold as the lock has it, whatever encoder it was fitted to; a cascade
        goes by `sure_above_beside`."""
        return self._lock.sure_above

    def sure_above_beside(self, full: str) -> float:
        """Return the top probability from which a cascade takes this model's word.

        A threshold holds for the two versions that it was fitted to. Beside any other encoder this
        model is never sure, and a warning says that it has to be fitted again.

        Args:
            full: version of the encoder that answers the rest.
        """
        if self._lock.sure_above > 1 or self._lock.fitted_to == full:
            return self._lock.sure_above
        _LOG.warning(
            "the cascade of %s was fitted to %s, not to %s: all texts go to the encoder until "
            "`python -m models.sentiment cascade` is run again",
            self.version,
            self._lock.fitted_to or "no version that its lock names",
            full,
        )
        return NEVER_SURE

    def probabilities(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return calibrated probabilities (n, 3) of n texts: negative, neutral, positive.

        A text of any length is read whole; one without a single word piece is neutral. The same
        text gets the very same answer in any company.
        """
        logits = self.logits(texts)
        scaled = logits.astype(np.float64) / self._lock.temperature
        exponential = np.exp(scaled - scaled.max(axis=1, keepdims=True, initial=-np.inf))
        probabilities: npt.NDArray[np.float64] = exponential / exponential.sum(
            axis=1, keepdims=True
        )
        return probabilities

    def logits(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return logits (n, 3) of n texts, before calibration; minus infinity for the classes that
        a text without a word piece cannot be."""
        encoded = self._pieces.encode(texts)
        logits = np.full((len(texts), len(LABELS)), -np.inf, dtype=np.float32)
        logits[:, _NEUTRAL] = 0.0
        for rows in _groups(encoded):
            logits[rows] = self._network.logits([encoded[row] for row in rows])
        return logits


def _groups(encoded: Sequence[Sequence[int]]) -> list[list[int]]:
    """Put the texts that have a word piece into groups of some _PIECES_AT_ONCE pieces."""
    groups: list[list[int]] = []
    room = 0
    for row, ids in enumerate(encoded):
        if not ids:
            continue
        if room <= 0:
            groups.append([])
            room = _PIECES_AT_ONCE
        groups[-1].append(row)
        room -= len(ids)
    return groups
