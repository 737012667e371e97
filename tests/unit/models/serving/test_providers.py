"""Which graph and which of ONNX Runtime's providers a host gets."""

from pathlib import Path

import pytest

from models.artifacts import MODEL_FILE
from models.encoder.sessions import FP16_FILE, graph_in, session_providers

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"


@pytest.mark.parametrize(
    ("available", "expected"),
    [
        ([CPU], [CPU]),
        ([CUDA, CPU], [CUDA, CPU]),
        ([CPU, CUDA, TENSORRT], [TENSORRT, CUDA, CPU]),
    ],
)
def test_the_gpu_graph_runs_on_the_fastest_provider(
    available: list[str], expected: list[str]
) -> None:
    assert session_providers(Path(FP16_FILE), available) == expected


def test_the_int8_graph_stays_on_the_cpu() -> None:
    assert session_providers(Path(MODEL_FILE), [TENSORRT, CUDA, CPU]) == [CPU]


def test_the_gpu_graph_is_taken_only_where_there_is_one_and_a_gpu(tmp_path: Path) -> None:
    assert graph_in(tmp_path, [CUDA, CPU]).name == MODEL_FILE
    (tmp_path / FP16_FILE).touch()
    assert graph_in(tmp_path, [CUDA, CPU]).name == FP16_FILE
    assert graph_in(tmp_path, [CPU]).name == MODEL_FILE
