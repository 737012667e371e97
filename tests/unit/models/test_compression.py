"""Number formats of one network; what writes them needs the training dependencies."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.artifacts import MODEL_FILE, TOKENIZER_FILE
from models.sentiment import examples as labelled
from models.sentiment.commands import main
from models.sentiment.compression import Setting, compare, table
from models.sentiment.tiers import ARTIFACTS

FULL = ARTIFACTS / "full"


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    path = tmp_path / "dev.parquet"
    text = ["What a delightful little lamp!", "Dreadful quality, avoid.", "It is a lamp."]
    pq.write_table(pa.table({"text": text, "label": [2, 0, 1]}), path)
    return path


def test_every_format_is_measured_on_every_file_and_the_first_is_the_reference(dev: Path) -> None:
    own = labelled.read(dev)
    setting = Setting(
        FULL / TOKENIZER_FILE,
        128,
        {"all": own, "first two": own.take(np.array([0, 1]))},
        rounds=2,
    )
    lines: list[str] = []
    figures = compare({"one": FULL / MODEL_FILE, "same": FULL / MODEL_FILE}, setting, lines.append)
    assert len(lines) == 2
    assert figures["one"]["dev"] == figures["same"]["dev"]
    assert figures["one"]["dev"]["first two"]["accuracy"] == 1.0
    assert figures["one"]["bytes"] == (FULL / MODEL_FILE).stat().st_size
    assert figures["one"]["speed_ratio"] == 1.0
    assert figures["same"]["latency_p50_ms"] > 0
    rows = table(figures).splitlines()
    assert len(rows) == 2 + 2 * 2
    assert rows[2].startswith("| one | 2")
    assert "| all | 3 |" in rows[2]


@pytest.mark.parametrize("rounds", [0, 51])
def test_rounds_that_make_no_sense_are_refused(dev: Path, rounds: int) -> None:
    setting = Setting(FULL / TOKENIZER_FILE, 128, {"dev": labelled.read(dev)}, rounds=rounds)
    with pytest.raises(ValueError, match="rounds"):
        compare({"one": FULL / MODEL_FILE}, setting, print)


def test_the_command_reports_all_formats_and_what_its_fp32_is(
    dev: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    report = tmp_path / "reports" / "compression.json"
    options = ["--data", str(dev.parent), "--dev-files", dev.name, "--report", str(report)]
    assert main(["compare", *options, "--rounds", "1", "--most", "2"]) == 0
    written = json.loads(report.read_text(encoding="utf-8"))
    assert list(written["formats"]) == ["fp32", "fp16", "int8_dynamic", "int8"]
    assert "no FP32 checkpoint" in written["fp32_weights"]
    size = {name: row["bytes"] for name, row in written["formats"].items()}
    assert size["fp16"] < 0.55 * size["fp32"]
    assert size["int8"] < 0.3 * size["fp32"]
    assert {row["dev"][dev.name]["n"] for row in written["formats"].values()} == {2}
    assert "no FP32 checkpoint" in capsys.readouterr().out


def test_seven_bit_matrices_keep_within_half_the_range_and_embeddings_do_not(
    tmp_path: Path,
) -> None:
    pytest.importorskip("torch")
    onnx = pytest.importorskip("onnx")
    from models.encoder.int8 import write_int8
    from models.sentiment.training.dequantised import dequantised, student_of
    from models.sentiment.training.graph import write_fp32

    fp32, int8 = tmp_path / "fp32.onnx", tmp_path / "int8.onnx"
    write_fp32(student_of(dequantised(FULL), (0,), 1536, 0.0), 64, fp32, token_head=False)
    write_int8(fp32, int8, reduce_range=True)
    largest = {
        constant.name: int(np.abs(onnx.numpy_helper.to_array(constant).astype(int)).max())
        for constant in onnx.load(int8).graph.initializer
        if constant.name.endswith("_quantized")
    }
    matrices = {name: value for name, value in largest.items() if ".matrix" in name}
    assert len(matrices) == 6
    assert max(matrices.values()) <= 64
    assert largest["word_quantized"] > 128


def test_the_gpus_graph_is_half_precision_and_close(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    onnx = pytest.importorskip("onnx")
    path = tmp_path / "model.fp16.onnx"
    assert main(["export-gpu", "--output", str(path)]) == 0
    assert "no FP32 checkpoint" in capsys.readouterr().err
    assert {file.name for file in tmp_path.iterdir()} == {path.name, "model.fp16.json"}
    kinds = {constant.data_type for constant in onnx.load(path).graph.initializer}
    assert onnx.TensorProto.FLOAT not in kinds
    session = onnxruntime.InferenceSession(path)
    assert {put.type for put in session.get_inputs()} == {"tensor(int32)"}
    assert session.get_outputs()[0].type == "tensor(float)"


def test_a_work_folder_without_a_checkpoint_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    path = tmp_path / "model.fp16.onnx"
    assert main(["export-gpu", "--work", str(tmp_path), "--output", str(path)]) == 2
    assert "no checkpoint" in capsys.readouterr().err
    assert not path.exists()


def test_only_the_checkpoint_that_the_artefact_was_made_of_will_do(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from models.sentiment.lock import read_lock
    from models.sentiment.training.artifact_writer import ExportRefusedError
    from models.sentiment.training.dequantised import dequantised
    from models.sentiment.training.formats import write_for_gpu

    path = tmp_path / "model.fp16.onnx"
    model = dequantised(FULL)
    version = read_lock(FULL).version
    saved = {"settings": {"version": version}, "model": model.state_dict()}
    torch.save(saved, tmp_path / "checkpoint.pt")
    assert write_for_gpu(FULL, tmp_path, path) == f"the FP32 checkpoint of {version}"
    with torch.no_grad():
        model.layers[0].qkv.weight[0, 0] += 1.0
    torch.save(saved, tmp_path / "checkpoint.pt")
    with pytest.raises(ExportRefusedError, match=r"layers\.0\.qkv\.weight"):
        write_for_gpu(FULL, tmp_path, path)
