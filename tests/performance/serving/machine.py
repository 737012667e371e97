"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8")
"""Instruction sets that decide how fast an 8-bit encoder runs."""

_LIBRARIES = ("onnxruntime", "tokenizers", "numpy")


def describe() -> dict[str, Any]:
    """Return cores, processor, the instruction sets that matter, and library versions."""
    model, flags = _processor()
    return {
        "cores": cores(),
        "processor": model,
        "flags": {flag: flag in flags for flag in _FLAGS},
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }


def label(description: Mapping[str, Any]) -> str:
    """Return what a row of a table says of the machine, from what `describe` returned."""
    return f"{description['processor']} × {description['cores']}"


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def busy_share(seconds: float = 1.0) -> float | None:
    """Return which share of the machine's cores is in use while we sleep; None where /proc/stat is
    missing."""
    before = _ticks()
    if before is None:
        return None
    time.sleep(seconds)
    after = _ticks()
    assert after is not None
    total = sum(after) - sum(before)
    # Fields 3 and 4 are idle and waiting for a disk: proc(5), /proc/stat.
    idle = sum(after[3:5]) - sum(before[3:5])
    return 1.0 - idle / total if total else 0.0


def _ticks() -> list[int] | None:
    try:
        line = Path("/proc/stat").read_text().splitlines()[0]
    except OSError:
        return None
    return [int(field) for field in line.split()[1:9]]


def _processor() -> tuple[str, set[str]]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor(), set()
    fields = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    entries = {name.strip(): value.strip() for name, value in fields.items()}
    flags = entries.get("flags") or entries.get("Features") or ""
    return entries.get("model name", platform.processor()), set(flags.split())
