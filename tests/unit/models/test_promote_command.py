"""`python -m models.sentiment promote`, with the real artefact and a few texts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.artifacts import LOCK_FILE, MODEL_FILE
from models.sentiment.commands import main
from models.sentiment.commands import promote as command
from models.sentiment.fairness.limits import AxisLimits, FairnessLimits
from models.sentiment.fairness.swaps import Comparison, comparisons
from models.sentiment.lock import read_lock
from models.sentiment.predictor import ARTIFACT
from models.sentiment.promotion import PromotionLimits
from models.sentiment.settings import TrainSettings

TEXTS = ("I love it, it is perfect.", "I hate it, it is awful.", "Perfect, thank you so much.")
LABELS = (2, 0, 2)
NEW = "a-new-name-1"


def statements() -> list[Comparison]:
    """Each axis, with one statement in a few wordings."""
    first = {comparison.axis: comparison for comparison in reversed(comparisons())}
    return [one._replace(variants=one.variants[:3]) for one in first.values()]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ARTIFACT, tmp_path / "service" / "full"))


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    """The real artefact under another name, its figures those of the texts above."""
    folder = Path(shutil.copytree(ARTIFACT, tmp_path / "candidate"))
    lock = json.loads((folder / LOCK_FILE).read_text())
    lock["version"] = NEW
    figures = {"n": len(TEXTS) * len(TrainSettings().dev_files), "accuracy": 1.0, "macro_f1": 1.0}
    lock["metrics"] |= {"fp32": figures, "int8": figures}
    (folder / LOCK_FILE).write_text(json.dumps(lock))
    return folder


@pytest.fixture
def arguments(
    candidate: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The whole call; limits are lenient where a few texts say little."""
    data = tmp_path / "data"
    data.mkdir()
    for name in TrainSettings().dev_files:
        pq.write_table(pa.table({"text": TEXTS, "label": LABELS}), data / name)
    anything = AxisLimits(1.0, 1.0, 2.0, 2.0, 2.0)
    lenient = PromotionLimits(calibration_error=1.0, fairness=FairnessLimits(*[anything] * 6))
    monkeypatch.setattr(command, "comparisons", statements)
    monkeypatch.setattr(command, "PromotionLimits", lambda: lenient)
    return ["promote", str(candidate), "--data", str(data), "--artifact", str(target)]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_it_checks_then_promotes_then_refuses_the_same_name(
    arguments: list[str], target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(target)
    assert main([*arguments, "--check"]) == 0
    assert json.loads(capsys.readouterr().out)["promoted"] is False
    assert contents(target) == before

    assert main(arguments) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["promoted"] is True
    assert (printed["model"], printed["tier"]) == (NEW, "full")
    assert read_lock(target).version == NEW
    assert read_lock(target).metrics["fairness"]["names"]["all"]["pairs"] == 3

    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith(f"refused: version: {NEW} is the name of")
    assert captured.err.count("\n") == 1
    assert json.loads(captured.out)["promoted"] is False


def test_a_broken_candidate_is_refused_with_one_line_and_code_1(
    arguments: list[str], candidate: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(target)
    (candidate / MODEL_FILE).write_bytes(b"")
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("refused: lock: ")
    assert captured.err.count("\n") == 1
    assert contents(target) == before


def test_missing_dev_files_are_an_error_of_the_call(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(tmp_path / "data")
    assert main(arguments) == 2
    assert "no such file" in capsys.readouterr().err
