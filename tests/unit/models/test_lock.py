"""The artefact's lock."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from models.artifacts import LOCK_FILE, MODEL_FILE, ArtifactError
from models.sentiment.lock import read_lock, read_raw_lock, write_raw_lock
from models.sentiment.notice import NOTICE_FILE
from models.sentiment.predictor import ARTIFACT, SentimentPredictor


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


def test_a_written_lock_is_read_by_others_whole_or_as_it_was(artifact: Path) -> None:
    with (artifact / LOCK_FILE).open(encoding="utf-8") as reader:
        write_raw_lock(artifact, read_raw_lock(artifact) | {"version": "another"})
        assert json.load(reader)["version"] == read_lock(ARTIFACT).version
    assert read_lock(artifact).version == "another"
    assert {path.name for path in artifact.iterdir()} == {path.name for path in ARTIFACT.iterdir()}


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_raw_lock_that_is_no_object_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / LOCK_FILE).write_text(content)
    with pytest.raises(ArtifactError, match="not a readable lock"):
        read_raw_lock(tmp_path)


def test_the_lock_covers_the_notice(artifact: Path) -> None:
    (artifact / NOTICE_FILE).write_text("No terms at all.")
    with pytest.raises(ArtifactError, match=r"NOTICE\.md: differs"):
        SentimentPredictor.load(artifact)
