"""A weighted mean of the weights of several runs of one lineage.

Runs that went on from one another lie in one basin of the loss, and the mean of their weights is
often better on all sources than the last of them, which has forgotten some: model soups, Wortsman
et al. 2022, https://arxiv.org/abs/2203.05482.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from models.sentiment.lock import read_lock
from models.sentiment.training import checkpoint
from models.sentiment.training.classifier import SentimentClassifier
from models.sentiment.training.start import continue_from


def average(shares: Mapping[Path, float], out: Path) -> None:
    """Write a checkpoint with the mean of the weights, for `train --start`.

    Args:
        shares: checkpoint file or artefact folder to its share; shares are divided by their sum.
            Weights that a part lacks (a head it never learned) are the mean of the others'. The
            last part's settings and history are the checkpoint's.
        out: the file to write.
    """
    total: dict[str, torch.Tensor] = {}
    share_of: dict[str, float] = {}
    for path, share in shares.items():
        for name, weight in _weights(path).items():
            total[name] = total.get(name, torch.zeros(())) + share * weight
            share_of[name] = share_of.get(name, 0.0) + share
    model = SentimentClassifier()
    mean = {name: weight / share_of[name] for name, weight in total.items()}
    model.load_state_dict(model.state_dict() | mean)
    *_, last = shares
    saved = checkpoint.read(last)
    history: list[dict[str, Any]] = [
        *saved["history"],
        saved["settings"] | {"steps_done": saved["step"]},
        {
            "average": {path.name: share for path, share in shares.items()},
            "continues": [run for path in shares for run in _runs(path)],
        },
    ]
    torch.save(saved | {"model": model.state_dict(), "history": history}, out)


def _runs(path: Path) -> list[dict[str, Any]]:
    if path.is_dir():
        run = dict(read_lock(path).training)
        return [*run.pop("continues", []), run]
    saved = checkpoint.read(path)
    return [*saved["history"], saved["settings"] | {"steps_done": saved["step"]}]


def _weights(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_dir():
        weights: dict[str, torch.Tensor] = checkpoint.read(path)["model"]
        return weights
    model = SentimentClassifier()
    unknown = {
        name: torch.full_like(value, torch.nan) for name, value in model.state_dict().items()
    }
    model.load_state_dict(unknown)
    continue_from(path, model)
    return {name: value for name, value in model.state_dict().items() if not value.isnan().any()}
