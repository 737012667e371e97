"""The network, in whole numbers up to its tiny head.

Each word piece has three rows of C channels: what it says itself, and what it adds to the piece
after it and to the one before it. Their sum, cut off at zero, is a convolution over three pieces
(Kim 2014, https://arxiv.org/abs/1408.5882) whose products were all computed in training, so that
"not good" is more than "not" and "good". Beside it every pair of neighbours has a row of D numbers,
found by hashing (as in fastText, Joulin et al. 2016, https://arxiv.org/abs/1607.01759). Both are
summed over the text and divided by the root of its length; a head of two layers makes logits of
them.

Tables and sums are integers and the head multiplies row by row, so a text's answer is the same to
the last bit alone and in any company.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

OFFSETS = 3
"""Rows of a piece: for the piece after it, for itself, for the piece before it."""

_FIRST, _SECOND = np.uint32(2654435761), np.uint32(2246822519)
"""Odd multipliers; products wrap around at 32 bits."""


@dataclass(frozen=True, slots=True)
class Head:
    """The small float32 arrays: C channels, D numbers of a pair, H hidden units, 3 classes.

    `bias` is int16 (C,), in the unit of the pieces' table. `scale` is (C + D,): what one unit of a
    channel or of a pair's number is worth. `inner` is (C + D, H), `inner_bias` (H,), `outer`
    (H + D, 3), `outer_bias` (3,).
    """

    bias: npt.NDArray[np.int16]
    scale: npt.NDArray[np.float32]
    inner: npt.NDArray[np.float32]
    inner_bias: npt.NDArray[np.float32]
    outer: npt.NDArray[np.float32]
    outer_bias: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Network:
    """`pieces` is int8 (V + 1, 3 * C); its last row, all zero, stands between texts. `pairs` is
    int8 (a power of two, D)."""

    pieces: npt.NDArray[np.int8]
    pairs: npt.NDArray[np.int8]
    head: Head

    def logits(self, texts: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
        """Return logits (n, 3) of n texts, each of at least one word piece."""
        blank = len(self.pieces) - 1
        line = [blank]
        for text in texts:
            line += text
            line.append(blank)
        ids = np.array(line, dtype=np.intp)
        lengths = np.fromiter(map(len, texts), dtype=np.intp, count=len(texts))
        ends = np.cumsum(lengths + 1)
        channels = self._channels(ids, ends - lengths, ends)
        pairs = np.add.reduceat(
            self.pairs.take(bucket(ids, len(self.pairs)), axis=0),
            ends - lengths - 1,
            axis=0,
            dtype=np.int32,
        )
        summed = np.concatenate([channels, pairs], axis=1).astype(np.float32)
        summed *= self.head.scale
        summed /= np.sqrt(lengths, dtype=np.float32)[:, None]
        return self._head(summed, channels.shape[1])

    def _channels(
        self, ids: npt.NDArray[np.intp], starts: npt.NDArray[np.intp], ends: npt.NDArray[np.intp]
    ) -> npt.NDArray[np.int32]:
        rows = self.pieces.take(ids, axis=0).astype(np.int16)
        width = rows.shape[1] // OFFSETS
        around = rows[1:-1, width : 2 * width] + self.head.bias
        around += rows[:-2, :width]
        around += rows[2:, 2 * width :]
        np.maximum(around, 0, out=around)
        # What stands between two texts has seen both: its sums are computed and left out.
        bounds = np.empty(2 * len(starts) - 1, dtype=np.intp)
        bounds[::2] = starts - 1
        bounds[1::2] = ends[:-1] - 1
        sums: npt.NDArray[np.int32] = np.add.reduceat(around, bounds, axis=0, dtype=np.int32)
        return sums[::2]

    def _head(self, summed: npt.NDArray[np.float32], width: int) -> npt.NDArray[np.float32]:
        head = self.head
        # One small product per text: a large one would round by what else is in it.
        hidden = np.matmul(summed[:, None, :], head.inner)[:, 0] + head.inner_bias
        np.maximum(hidden, 0, out=hidden)
        both = np.concatenate([hidden, summed[:, width:]], axis=1)
        logits: npt.NDArray[np.float32] = np.matmul(both[:, None, :], head.outer)[:, 0]
        return logits + head.outer_bias


def bucket(ids: npt.NDArray[np.intp], buckets: int) -> npt.NDArray[np.intp]:
    """Return the rows (t - 1,) of t neighbouring ids' pairs in a table of 2 ** k `buckets`."""
    short = ids.astype(np.uint32)
    mixed = (short[:-1] * _FIRST) ^ (short[1:] * _SECOND)
    mixed ^= mixed >> np.uint32(15)
    return (mixed & np.uint32(buckets - 1)).astype(np.intp)
