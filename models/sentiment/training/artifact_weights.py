"""The weights of a quantised artefact, to go on training from.

An artefact is kept, its checkpoint is not: what a later run starts from are the INT8 weights times
their scales, which differ from the trained ones by the rounding alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper

from models.encoder.int8 import input_name, read_ranges
from models.encoder.rounding import INPUT_LEVELS

_MATRIX = ".matrix"


def read_artifact_weights(graph: Path) -> dict[str, torch.Tensor]:
    """Return the state of the classifier whose INT8 graph this is, with position and segment
    embeddings summed into one, as the graph has them, and the ranges of inputs where it has them.
    """
    constants = {
        constant.name: numpy_helper.to_array(constant)
        for constant in onnx.load(graph).graph.initializer
    }
    state: dict[str, npt.NDArray[np.float32]] = {}
    for name, value in constants.items():
        base = name.removesuffix("_quantized")
        if base != name:
            scale, zero = constants[f"{base}_scale"], constants[f"{base}_zero_point"]
            value = (value.astype(np.float32) - zero.astype(np.float32)) * scale
        elif name.endswith(("_scale", "_zero_point")) or value.dtype != np.float32:
            continue
        if base.endswith(_MATRIX):
            state[f"{base.removesuffix(_MATRIX)}.weight"] = value.T
        elif base in ("word", "position"):
            state[f"{base}.weight"] = value
        else:
            state[base] = value
    found = {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
    return found | _ranges(read_ranges(constants), found)


def _ranges(
    ranges: Mapping[str, tuple[float, int]], state: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Return `low` and `high` of each projection whose input the graph has a range of."""
    found = {}
    for name in state:
        projection, _, kind = name.rpartition(".")
        if not projection.startswith("layers.") or kind != "weight" or "norm" in projection:
            continue
        if input_name(projection) in ranges:
            scale, zero = ranges[input_name(projection)]
            found[f"{projection}.low"] = torch.tensor(-zero * scale)
            found[f"{projection}.high"] = torch.tensor((INPUT_LEVELS - zero) * scale)
    return found
