"""Computing as the INT8 graph will, while gradients still flow.

A network that learns with its rounding loses little by it (quantisation-aware training, Jacob et
al. 2017, https://arxiv.org/abs/1712.05877). Ranges are fixed beforehand, not taken from each
batch: so a text's answer doesn't depend on the texts that it is computed with.
"""

# mypy: allow-subclassing-any
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional

INPUT_LEVELS = 255
"""Inputs are rounded to unsigned bytes from 0 to this."""

WEIGHT_LEVELS = 64
"""Weights are rounded to signed bytes from minus this to this, so that no CPU saturates."""

_SAMPLED = 20_000
_HIGHS = tuple(step / 24 for step in range(24, 4, -1))
_LOWS = (1.0, 0.8, 0.6, 0.45, 0.3, 0.2)


class Projection(nn.Linear):
    """A linear map that can round its weights, each output by its largest, and its inputs, to a
    range from `low` to `high`; both are 0 until `calibrate` has seen inputs."""

    low: Tensor
    high: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.zeros(()))
        self.rounds = False

    def forward(self, values: Tensor) -> Tensor:
        """Map (..., inputs) to (..., outputs)."""
        if not self.rounds:
            return functional.linear(values, self.weight, self.bias)
        scale, zero = self.input_scale()
        inputs = torch.fake_quantize_per_tensor_affine(values.float(), scale, zero, 0, INPUT_LEVELS)
        # Its own scale is no way to make an output better: the largest weight is left alone.
        steps = self.weight.detach().abs().amax(1).clamp_min(1e-12) / WEIGHT_LEVELS
        weight = torch.fake_quantize_per_channel_affine(
            self.weight,
            steps,
            torch.zeros_like(steps, dtype=torch.int32),
            0,
            -WEIGHT_LEVELS,
            WEIGHT_LEVELS,
        )
        return functional.linear(inputs, weight, self.bias)

    def input_scale(self) -> tuple[Tensor, Tensor]:
        """Return what one step between input levels is worth, and the level of zero (int32)."""
        scale = (self.high - self.low) / INPUT_LEVELS
        return scale, (-self.low / scale).round().to(torch.int32)


def projections(network: nn.Module) -> Iterator[tuple[str, Projection]]:
    """Yield every projection of a network with its name."""
    for name, module in network.named_modules():
        if isinstance(module, Projection):
            yield name, module


def is_calibrated(network: nn.Module) -> bool:
    """Whether every projection knows the range of its inputs."""
    return all(bool(projection.high > projection.low) for _, projection in projections(network))


def set_rounding(network: nn.Module, *, on: bool) -> None:
    """Let every projection of a calibrated network round, or compute exactly."""
    for _, projection in projections(network):
        projection.rounds = on


def calibrate(
    network: nn.Module,
    compute: Callable[[Tensor, Tensor], object],
    batches: Iterable[tuple[Tensor, Tensor]],
) -> None:
    """Give every projection the range that rounds what it meets with the least squared error.

    A rare large value may lie outside: it is cut, and all others are rounded more finely.

    Args:
        network: the projections' owner; computes without dropout and rounding meanwhile.
        compute: what is called with each batch.
        batches: token ids and masks, (batch, tokens) each.
    """
    seen: dict[Projection, list[Tensor]] = {each: [] for _, each in projections(network)}

    def keep(projection: Projection, inputs: tuple[Tensor]) -> None:
        values = inputs[0].detach().float().flatten()
        seen[projection].append(values[:: max(1, len(values) // _SAMPLED)].clone())

    training, rounds = network.training, {each: each.rounds for each in seen}
    hooks = [projection.register_forward_pre_hook(keep) for projection in seen]
    network.eval()
    try:
        with torch.no_grad():
            for projection in seen:
                projection.rounds = False
            for ids, mask in batches:
                compute(ids, mask)
            for projection, parts in seen.items():
                low, high = _best_range(torch.cat(parts))
                projection.low.fill_(low)
                projection.high.fill_(high)
    finally:
        for hook in hooks:
            hook.remove()
        for projection, did in rounds.items():
            projection.rounds = did
        network.train(training)


def _best_range(values: Tensor) -> tuple[float, float]:
    """Return the range, which holds zero, whose 8-bit rounding has the least squared error."""
    least, most = min(float(values.min()), 0.0), max(float(values.max()), 1e-6)
    found = (float("inf"), least, most)
    for share_low, share_high in product(_LOWS if least < 0 else (1.0,), _HIGHS):
        low, high = least * share_low, most * share_high
        scale = (high - low) / INPUT_LEVELS
        zero = round(-low / scale)
        rounded = torch.fake_quantize_per_tensor_affine(values, scale, zero, 0, INPUT_LEVELS)
        error = float((rounded - values).square().mean())
        found = min(found, (error, low, high))
    return found[1:]
