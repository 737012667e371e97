"""From word pieces to the tensors of one step."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from customerai_static.network import bucket


def keep_frequent(
    sequences: Sequence[Sequence[int]], vocabulary: int, least_uses: int
) -> npt.NDArray[np.int64]:
    """Return the pieces, in ascending order, that `sequences` hold at least `least_uses` times."""
    uses = np.bincount(list(chain.from_iterable(sequences)), minlength=vocabulary)
    return np.flatnonzero(uses >= least_uses)


def tensors(
    sequences: Sequence[Sequence[int]], blank: int, buckets: int, most_pieces: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what `StaticNetwork` takes for a batch of texts, each of at least one piece."""
    cut = [list(sequence[:most_pieces]) for sequence in sequences]
    ids = np.full((len(cut), max(map(len, cut)) + 2), blank, dtype=np.int64)
    lines: list[int] = [blank]
    for row, sequence in enumerate(cut):
        ids[row, 1 : len(sequence) + 1] = sequence
        lines += sequence
        lines.append(blank)
    lengths = np.array([len(sequence) + 1 for sequence in cut])
    starts = np.cumsum(lengths) - lengths
    pairs = bucket(np.array(lines, dtype=np.intp), buckets)
    return torch.from_numpy(ids), torch.from_numpy(pairs), torch.from_numpy(starts)
