"""How weights move: AdamW, its rate over a run, and its state spread over workers."""

from __future__ import annotations

from typing import Any

import torch

from models.sentiment.settings import TrainSettings


def learning_rate(step: int, settings: TrainSettings) -> float:
    """Rate of step `step` (0-based): linear rise over the warm-up, linear fall to zero."""
    rise = min(1.0, (step + 1) / max(1, settings.warmup_steps))
    return settings.learning_rate * rise * (1 - step / settings.steps)


def build_optimizer(
    model: torch.nn.Module, settings: TrainSettings, *, workers: int = 1
) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101) that decays matrices but
    not biases and norms.

    Where the settings shard its state over several workers, each holds and updates its part of the
    weights and sends them to the others (Rajbhandari et al. 2019, https://arxiv.org/abs/1910.02054,
    stage 1).
    """
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {
            "params": [parameter for parameter in learned if parameter.ndim > 1],
            "weight_decay": settings.weight_decay,
        },
        {
            "params": [parameter for parameter in learned if parameter.ndim <= 1],
            "weight_decay": 0.0,
        },
    ]
    rest = {"lr": settings.learning_rate, "fused": True}
    if settings.shard_optimizer and workers > 1:
        # Its package compiles a dozen other optimisers on import.
        from torch.distributed.optim import ZeroRedundancyOptimizer

        return ZeroRedundancyOptimizer(groups, optimizer_class=torch.optim.AdamW, **rest)
    return torch.optim.AdamW(groups, **rest)


def whole_state(optimizer: torch.optim.Optimizer, *, first: bool) -> dict[str, Any]:
    """Return an optimiser's whole state, as one that isn't sharded has it; every worker must call
    this. Empty in all but the first where the state is sharded."""
    gather = getattr(optimizer, "consolidate_state_dict", None)
    if gather is not None:
        gather(to=0)
        if not first:
            return {}
    state: dict[str, Any] = optimizer.state_dict()
    return state
