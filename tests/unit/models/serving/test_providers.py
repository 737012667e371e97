"""Which graph and which of ONNX Runtime's providers a host gets."""

from pathlib import Path

import pytest

from models.artifacts import FP16_FILE, MODEL_FILE, ArtifactError, write_origin
from models.encoder.sessions import graph_in, session_providers

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
    (tmp_path / MODEL_FILE).write_bytes(b"int8")
    (tmp_path / FP16_FILE).write_bytes(b"fp16")
    write_origin(tmp_path / FP16_FILE, tmp_path / MODEL_FILE)
    assert graph_in(tmp_path, [CUDA, CPU]).name == FP16_FILE
    assert graph_in(tmp_path, [CPU]).name == MODEL_FILE


@pytest.mark.parametrize(
    ("altered", "told"),
    [
        (MODEL_FILE, "was made from another"),
        (FP16_FILE, "differs from its sha256"),
        ("model.fp16.json", "not readable"),
    ],
)
def test_a_gpu_graph_of_another_artefact_is_refused(
    tmp_path: Path, altered: str, told: str
) -> None:
    (tmp_path / MODEL_FILE).write_bytes(b"int8")
    (tmp_path / FP16_FILE).write_bytes(b"fp16")
    assert write_origin(tmp_path / FP16_FILE, tmp_path / MODEL_FILE).name == "model.fp16.json"
    (tmp_path / altered).write_bytes(b"{}")
    with pytest.raises(ArtifactError, match=told):
        graph_in(tmp_path, [CUDA, CPU])
    assert graph_in(tmp_path, [CPU]).name == MODEL_FILE
