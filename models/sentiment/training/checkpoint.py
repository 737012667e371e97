"""Checkpoints: everything a run needs to go on as if it had never stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


PASSING = frozenset(
    {"threads", "device", "shard_optimizer", "prefetch", "log_every", "accumulate_steps"}
)
"""Settings that say how a run is computed, not what: another machine may go on with others."""


class CheckpointMismatchError(Exception):
    """The folder holds a checkpoint of a run with other settings."""


def save(
    path: Path,
    settings: DataclassInstance,
    step: int,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer | dict[str, Any],
    history: list[dict[str, Any]],
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write the state after `step` steps; a crash while writing leaves the previous file whole.

    Args:
        path: the file to write.
        settings: the run.
        step: steps done.
        model: its weights.
        optimizer: the optimiser, or its whole state where it is sharded.
        history: settings of the runs, oldest first, whose weights this one started from.
        more: what else the run needs to go on.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "settings": asdict(settings),
        "step": step,
        "model": model.state_dict(),
        "optimizer": optimizer if isinstance(optimizer, dict) else optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "history": history,
        **(more or {}),
    }
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def read(path: Path) -> dict[str, Any]:
    """Read a checkpoint, whatever its settings."""
    state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    return state


def load(path: Path, settings: DataclassInstance) -> dict[str, Any]:
    """Read a checkpoint of a run with these settings, but for those of PASSING.

    A setting that is younger than the checkpoint counts as having had its default.

    Raises:
        CheckpointMismatchError: it was written under other settings.
    """
    state = read(path)
    defaults = {field.name: field.default for field in fields(settings)}
    theirs, ours = defaults | state["settings"], asdict(settings)
    differing = [name for name in ours if name not in PASSING and theirs[name] != ours[name]]
    if differing:
        raise CheckpointMismatchError(
            f"{path} was written with another {', '.join(differing)}; "
            "give the same settings to resume, or another --work folder to start anew"
        )
    return state
