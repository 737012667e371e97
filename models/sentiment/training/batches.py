"""Which texts a run sees, in which order, and how they become tensors.

The whole order is a pure function of the settings, so that a resumed run goes on exactly where it
stopped and every worker knows its part of every batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.sentiment.settings import TrainSettings

_BATCHES_SORTED_TOGETHER = 64


class Labelled(Protocol):
    """n labelled texts of several sources, in any form."""

    @property
    def label(self) -> npt.NDArray[np.int64]:
        """Class indexes (n,)."""

    @property
    def source(self) -> npt.NDArray[np.str_]:
        """Names (n,)."""

    def __len__(self) -> int: ...


def draw(examples: Labelled, settings: TrainSettings) -> npt.NDArray[np.int64]:
    """Draw the rows that a run sees, balanced over (source, label) groups, in random order.

    Each group gets a share of `steps * batch_size` draws in proportion to
    emphasis * (its size ** balance_exponent), but at most `most_repeats` times its size. Within a
    group every text is drawn equally often, up to one.

    Returns:
        int64 rows of `examples`, steps * batch_size of them.

    Raises:
        ValueError: the texts are too few for so many steps.
    """
    rng = np.random.default_rng(settings.seed)
    emphasis = dict(settings.emphasis)
    groups = [
        np.flatnonzero((examples.source == source) & (examples.label == label))
        for source, label in sorted(set(zip(examples.source, examples.label, strict=True)))
    ]
    weights = [
        emphasis.get(str(examples.source[rows[0]]), 1.0) * len(rows) ** settings.balance_exponent
        for rows in groups
    ]
    wanted = settings.steps * settings.batch_size
    parts: list[npt.NDArray[np.int64]] = []
    # Smallest room first: what a small group cannot fill is shared among the larger ones.
    by_room = sorted(range(len(groups)), key=lambda i: len(groups[i]) / weights[i])
    left, weight_left = wanted, sum(weights)
    for index in by_room:
        rows = groups[index]
        most = settings.most_repeats * len(rows)
        quota = min(round(left * weights[index] / weight_left), most) if weight_left else 0
        rounds = [rng.permutation(rows) for _ in range(-(-quota // len(rows)))]
        parts.extend(rounds)
        if rounds:
            parts[-1] = parts[-1][: len(rows) - (len(rows) * len(rounds) - quota)]
        left, weight_left = left - quota, weight_left - weights[index]
    drawn = rng.permutation(np.concatenate(parts)).astype(np.int64)
    if len(drawn) < wanted:
        raise ValueError(
            f"{len(examples)} texts seen at most {settings.most_repeats} times give {len(drawn)} "
            f"draws, but {settings.steps} steps of {settings.batch_size} need {wanted}"
        )
    return drawn[:wanted]


def plan_by_length(
    drawn: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], settings: TrainSettings
) -> list[npt.NDArray[np.int64]]:
    """Cut the drawn rows into `steps` batches of near-equal `lengths[row]`, in random order."""
    rng = np.random.default_rng(settings.seed + 1)
    size = settings.batch_size
    batches: list[npt.NDArray[np.int64]] = []
    for start in range(0, len(drawn), size * _BATCHES_SORTED_TOGETHER):
        chunk = drawn[start : start + size * _BATCHES_SORTED_TOGETHER]
        chunk = chunk[np.argsort(lengths[chunk], kind="stable")]
        cut = [chunk[i : i + size] for i in range(0, len(chunk), size)]
        batches.extend(cut[i] for i in rng.permutation(len(cut)))
    return batches


def padded(sequences: Sequence[Sequence[int] | npt.NDArray[np.int64]]) -> tuple[Tensor, Tensor]:
    """Return token ids (batch, longest) padded with 0, and their 0/1 mask as float32."""
    longest = max(map(len, sequences))
    ids = np.zeros((len(sequences), longest), dtype=np.int64)
    mask = np.zeros((len(sequences), longest), dtype=np.float32)
    for index, sequence in enumerate(sequences):
        ids[index, : len(sequence)] = sequence
        mask[index, : len(sequence)] = 1.0
    return torch.from_numpy(ids), torch.from_numpy(mask)
