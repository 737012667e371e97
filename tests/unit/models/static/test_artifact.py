"""The artefact's lock, its size, and what happens when it is not what was measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from customerai_static import ARTIFACT, StaticArtifactError, StaticSentiment
from customerai_static.artifact import FILES, LOCK_FILE, PAIRS_FILE, PIECES_FILE, read_lock
from models.sentiment.notice import NOTICE_FILE


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ARTIFACT, tmp_path / "artifact"))


def change(artifact: Path, **values: object) -> None:
    raw = json.loads((artifact / LOCK_FILE).read_text())
    (artifact / LOCK_FILE).write_text(json.dumps(raw | values))


def test_the_committed_artefact_is_whole_and_weighs_eight_megabytes_at_most() -> None:
    lock = read_lock(ARTIFACT)
    assert 0.2 < lock.temperature < 5
    assert sum(path.stat().st_size for path in ARTIFACT.iterdir()) <= 8_000_000
    named = json.loads((ARTIFACT / LOCK_FILE).read_text())["files"]
    assert {path.name for path in ARTIFACT.iterdir()} == {*named, LOCK_FILE}
    assert set(named) == {*FILES, NOTICE_FILE}


def test_the_lock_tells_how_good_the_model_is_by_source() -> None:
    metrics = json.loads((ARTIFACT / LOCK_FILE).read_text())["metrics"]
    for measured in (metrics, *metrics["sources"].values()):
        assert {"n", "accuracy", "macro_f1", "macro_recall", "ece"} <= set(measured)
    assert sum(each["n"] for each in metrics["sources"].values()) == metrics["n"]


@pytest.mark.parametrize("name", FILES)
def test_a_tampered_file_is_refused(artifact: Path, name: str) -> None:
    content = bytearray((artifact / name).read_bytes())
    content[len(content) // 2] ^= 1
    (artifact / name).write_bytes(content)
    with pytest.raises(StaticArtifactError, match=f"{name}: differs"):
        StaticSentiment.load(artifact)


def test_a_missing_file_is_refused(artifact: Path) -> None:
    (artifact / PAIRS_FILE).unlink()
    with pytest.raises(StaticArtifactError, match=r"pairs\.npy: missing"):
        StaticSentiment.load(artifact, verify=False)


def test_a_file_cut_short_is_refused_even_unverified(artifact: Path) -> None:
    content = (artifact / PIECES_FILE).read_bytes()
    (artifact / PIECES_FILE).write_bytes(content[:-1])
    with pytest.raises(StaticArtifactError, match=r"pieces\.npy: differs"):
        StaticSentiment.load(artifact, verify=False)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": "x", "cascade": 3}'])
def test_an_unreadable_lock_is_refused(artifact: Path, content: str) -> None:
    (artifact / LOCK_FILE).write_text(content)
    with pytest.raises(StaticArtifactError, match="not a readable lock"):
        StaticSentiment.load(artifact)


def test_a_lock_that_leaves_out_a_table_is_refused(artifact: Path) -> None:
    files = json.loads((artifact / LOCK_FILE).read_text())["files"]
    del files[PIECES_FILE]
    change(artifact, files=files)
    with pytest.raises(StaticArtifactError, match=r"does not name pieces\.npy"):
        StaticSentiment.load(artifact)


def test_other_classes_are_refused(artifact: Path) -> None:
    change(artifact, labels=["bad", "good"])
    with pytest.raises(StaticArtifactError, match="predicts"):
        StaticSentiment.load(artifact)


def test_an_artefact_is_loaded_from_where_it_is_said_to_be(artifact: Path) -> None:
    change(artifact, version="another", cascade={"sure_above": 0.75}, abstain_below=0.45)
    loaded = StaticSentiment.load(artifact)
    assert (loaded.version, loaded.sure_above, loaded.abstain_below) == ("another", 0.75, 0.45)
