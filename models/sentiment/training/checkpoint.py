"""Checkpoints: everything a run needs to go on as if it had never stopped."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from models.sentiment.settings import TrainSettings


class CheckpointMismatchError(Exception):
    """The folder holds a checkpoint of a run with other settings."""


def save(
    path: Path,
    settings: TrainSettings,
    step: int,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    history: list[dict[str, Any]],
) -> None:
    """Write the state after `step` steps; a crash while writing leaves the previous file whole.

    `history` holds the settings of the runs, oldest first, whose weights this one started from.
    """
    state = {
        "settings": asdict(settings),
        "step": step,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "history": history,
    }
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def read(path: Path) -> dict[str, Any]:
    """Read a checkpoint, whatever its settings."""
    state: dict[str, Any] = torch.load(path, weights_only=True)
    return state


def load(path: Path, settings: TrainSettings) -> dict[str, Any]:
    """Read a checkpoint of a run with these settings.

    Raises:
        CheckpointMismatchError: it was written under other settings.
    """
    state = read(path)
    theirs, ours = state["settings"], asdict(settings)
    differing = [name for name in ours if theirs.get(name) != ours[name]]
    if differing:
        raise CheckpointMismatchError(
            f"{path} was written with another {', '.join(differing)}; "
            "give the same settings to resume, or another --work folder to start anew"
        )
    return state
