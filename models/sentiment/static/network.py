"""The static tier in PyTorch, as it learns.

What is served adds up rows of tables. Here a piece's three rows are products of one embedding and
one matrix, which every piece shares: the encoder's knowledge of a piece comes in through the
embedding, and what training says of one piece tells something of its like.
"""

# mypy: allow-subclassing-any
from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from customerai_static.network import OFFSETS
from models.sentiment.labels import LABELS
from models.sentiment.static.settings import StaticSettings


class StaticNetwork(nn.Module):
    """The network that `customerai_static.network` describes, with V pieces and one blank."""

    def __init__(self, start: npt.NDArray[np.float32], settings: StaticSettings) -> None:
        """Begin with the piece embeddings `start`, float32 (V, embedding_width)."""
        super().__init__()
        vocabulary, width = start.shape
        self.blank = vocabulary
        self.channels = settings.channels
        self.embedding = nn.Embedding(vocabulary + 1, width, padding_idx=vocabulary)
        with torch.no_grad():
            self.embedding.weight[:vocabulary] = torch.from_numpy(start)
        self.around = nn.Linear(width, OFFSETS * settings.channels, bias=False)
        self.bias = nn.Parameter(torch.zeros(settings.channels))
        self.pairs = nn.EmbeddingBag(2**settings.pair_bits, settings.pair_width, mode="sum")
        nn.init.zeros_(self.pairs.weight)
        self.inner = nn.Linear(settings.channels + settings.pair_width, settings.hidden)
        self.outer = nn.Linear(settings.hidden + settings.pair_width, len(LABELS))
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, ids: Tensor, pairs: Tensor, pair_starts: Tensor) -> Tensor:
        """Return logits (batch, 3).

        Args:
            ids: (batch, pieces + 2), `blank` before a text's first piece and after its last.
            pairs: buckets of all the texts' pairs in a row.
            pair_starts: (batch,), where each text's pairs begin.
        """
        rows = self.around(self.embedding(ids)).unflatten(-1, (OFFSETS, self.channels))
        summed = rows[:, :-2, 0] + rows[:, 1:-1, 1] + rows[:, 2:, 2] + self.bias
        is_piece = (ids[:, 1:-1] != self.blank)[:, :, None]
        root = is_piece.sum(1).sqrt()
        channels = (functional.relu(summed) * is_piece).sum(1) / root
        of_pairs = self.pairs(pairs, pair_starts) / root
        inner = self.inner(self.dropout(torch.cat([channels, of_pairs], 1)))
        hidden = self.dropout(functional.relu(inner))
        logits: Tensor = self.outer(torch.cat([hidden, of_pairs], 1))
        return logits
