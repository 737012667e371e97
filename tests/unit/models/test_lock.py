"""The artefact's lock."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from models.artifacts import LOCK_FILE, MODEL_FILE, ArtifactError
from models.sentiment.lock import read_lock
from models.sentiment.notice import NOTICE_FILE, notice
from models.sentiment.predictor import ARTIFACT, SentimentPredictor
from models.sentiment.settings import TrainSettings
from models.sentiment.sources import SOURCES, CommercialUse, with_commercial_use


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ARTIFACT, tmp_path / "artifact"))


def test_the_committed_artefact_is_whole_and_small_enough_to_commit() -> None:
    lock = read_lock(ARTIFACT)
    assert lock.labels == ("negative", "neutral", "positive")
    assert 0.2 < lock.temperature < 5
    assert sum(file.bytes for file in lock.files.values()) < 40_000_000


def test_a_tampered_file_is_refused(artifact: Path) -> None:
    content = bytearray((artifact / MODEL_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (artifact / MODEL_FILE).write_bytes(content)
    with pytest.raises(ArtifactError, match=r"model\.int8\.onnx: differs"):
        SentimentPredictor.load(artifact)


def test_a_missing_file_is_refused(artifact: Path) -> None:
    (artifact / "tokenizer.json").unlink()
    with pytest.raises(ArtifactError, match=r"tokenizer\.json: missing"):
        SentimentPredictor.load(artifact)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"files": []}', '{"labels": 3}'])
def test_an_unreadable_lock_is_refused(artifact: Path, content: str) -> None:
    (artifact / LOCK_FILE).write_text(content)
    with pytest.raises(ArtifactError, match="not a readable lock"):
        read_lock(artifact)


def test_a_lock_that_leaves_out_the_model_is_refused(artifact: Path) -> None:
    raw = json.loads((artifact / LOCK_FILE).read_text())
    del raw["files"][MODEL_FILE]
    (artifact / LOCK_FILE).write_text(json.dumps(raw))
    with pytest.raises(ArtifactError, match=r"does not name model\.int8\.onnx"):
        read_lock(artifact)


def test_other_classes_are_refused(artifact: Path) -> None:
    raw = json.loads((artifact / LOCK_FILE).read_text())
    raw["labels"] = ["bad", "good"]
    (artifact / LOCK_FILE).write_text(json.dumps(raw))
    with pytest.raises(ArtifactError, match="predicts"):
        SentimentPredictor.load(artifact)


def test_the_notice_names_every_source_that_the_model_learned_from() -> None:
    text = (ARTIFACT / NOTICE_FILE).read_text()
    learned = read_lock(ARTIFACT).training["sources"]
    assert learned
    for name in learned:
        assert f"| {name} | " in text
    assert text == notice(TrainSettings(sources=tuple(learned)))


def test_commercial_training_leaves_out_barred_and_unlicensed_sources() -> None:
    kept = with_commercial_use(tuple(SOURCES))
    assert "airline_tweets" not in kept
    assert "semeval_tweets" in kept
    assert {SOURCES[name].commercial_use for name in kept} == {CommercialUse.PERMITTED}
