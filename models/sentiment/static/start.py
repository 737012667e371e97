"""Where the word pieces' embeddings start: what the teacher makes of each piece alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from models.encoder.network import VOCABULARY
from models.sentiment.training.dequantised import dequantised

_START_ID, _END_ID = 101, 102
_BATCH = 512
_SPREAD = 0.5


def piece_embeddings(teacher: Path, width: int) -> npt.NDArray[np.float32]:
    """Return (VOCABULARY, width): the teacher's last state of every piece between [CLS] and [SEP],
    centred and projected onto its first principal components, with standard deviation 0.5."""
    encoder = dequantised(teacher)
    states = []
    with torch.no_grad():
        for pieces in torch.arange(VOCABULARY).split(_BATCH):
            ids = torch.full((len(pieces), 3), _START_ID)
            ids[:, 1], ids[:, 2] = pieces, _END_ID
            states.append(encoder.hidden(ids, torch.ones(ids.shape))[:, 1].numpy())
    centred = np.concatenate(states)
    centred -= centred.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    projected = centred @ vectors[:, ::-1][:, :width]
    return np.asarray(projected * (_SPREAD / projected.std()), dtype=np.float32)
