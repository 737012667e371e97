"""What the network computes in. Weights, gradients and optimiser state are FP32 in any case.

Mixed precision as in Micikevicius et al. 2017 (https://arxiv.org/abs/1710.03740).
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import torch

_CPU_INFO = Path("/proc/cpuinfo")
_NATIVE_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}
"""What x86 and Arm processors call it in /proc/cpuinfo."""

_AMPERE = (8, 0)


class Precision(StrEnum):
    """A number format to compute in."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"


_TYPES = {
    Precision.FP32: torch.float32,
    Precision.BF16: torch.bfloat16,
    Precision.FP16: torch.float16,
}


def choose(name: str, device: torch.device) -> Precision:
    """Return the precision of that name; auto is bf16 where the hardware computes it natively.

    Elsewhere it would be emulated: a training step on a CPU with AVX2 only takes some 15 times as
    long in bf16 or fp16 as in fp32.

    Raises:
        ValueError: there is no such precision.
    """
    if name != "auto":
        return Precision(name)
    return Precision.BF16 if _computes_bf16(device) else Precision.FP32


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """Compute in `precision` inside this context."""
    return torch.autocast(
        device.type, dtype=_TYPES[precision], enabled=precision is not Precision.FP32
    )


def loss_scaler(precision: Precision, device: torch.device, start: float) -> torch.amp.GradScaler:
    """Return what multiplies an fp16 run's loss, so that small gradients are not rounded to zero;
    for other precisions one that does nothing."""
    return torch.amp.GradScaler(device.type, init_scale=start, enabled=precision is Precision.FP16)


def _computes_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.get_device_capability(device) >= _AMPERE)
    return cpu_computes_bf16(_CPU_INFO)


def cpu_computes_bf16(info: Path) -> bool:
    """Whether Linux's description of the processor names instructions for bf16; where there is no
    such description, no."""
    if not info.exists():
        return False
    for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return not _NATIVE_BF16.isdisjoint(value.split())
    return False
