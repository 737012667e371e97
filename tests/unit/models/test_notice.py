"""Every source that a model or anything behind it learned from is in its notice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from customerai.domain.analysis import Tier
from models.artifacts import LOCK_FILE, ArtifactError
from models.sentiment.commands import main
from models.sentiment.in_service import holding_artefacts, shipped_folder
from models.sentiment.lock import read_lock, read_raw_lock
from models.sentiment.notice import NOTICE_FILE, lineage_sources, notice
from models.sentiment.predictor import ARTIFACT
from models.sentiment.sources import (
    ASPECTS,
    EVERY_SOURCE,
    SOURCES,
    CommercialUse,
    with_commercial_use,
)

FREE = {"sources": ["shopify_app"], "aspect_every": 0}
BARRED = {"sources": ["airline_tweets"], "aspect_every": 0}


@pytest.mark.parametrize("folder", holding_artefacts(map(shipped_folder, Tier)))
def test_the_committed_notices_name_all_that_the_models_learned_from(folder: Path) -> None:
    lock = read_raw_lock(folder)
    text = (folder / NOTICE_FILE).read_text(encoding="utf-8")
    names = lineage_sources(lock["training"])
    assert set(lock["training"]["sources"]) <= set(names)
    for name in (ASPECTS, *lock["training"]["sources"]):
        assert f"| {name} | " in text
    assert text == notice(lock["version"], names)


# Lineage


def test_a_run_that_says_what_it_learned_from_is_taken_at_its_word() -> None:
    assert lineage_sources(FREE) == ("shopify_app",)
    assert lineage_sources({**FREE, "aspect_every": 4}) == ("shopify_app", ASPECTS)


def test_a_run_that_does_not_speak_of_aspects_is_taken_to_have_learned_them() -> None:
    assert lineage_sources({"sources": ("shopify_app",)}) == ("shopify_app", ASPECTS)


def test_runs_behind_the_weights_count_however_far_back() -> None:
    started = {**FREE, "continues": [{**FREE, "continues": [BARRED]}, FREE]}
    assert lineage_sources(started) == ("airline_tweets", "shopify_app")


def test_what_the_teacher_learned_from_counts_for_the_student() -> None:
    teacher = {"version": "a", "sources": ["airline_tweets", ASPECTS]}
    student = {"sources": ["shopify_app"], "teacher": teacher}
    assert lineage_sources(student) == ("airline_tweets", "shopify_app", ASPECTS)
    grandchild = {**FREE, "continues": [student]}
    assert lineage_sources(grandchild) == ("airline_tweets", "shopify_app", ASPECTS)


@pytest.mark.parametrize(
    "run",
    [
        {**FREE, "teacher": "minilm-l6-sentiment-1"},
        {**FREE, "teacher": {"version": "minilm-l6-sentiment-1"}},
        {**FREE, "continues": [{"average": {"one.pt": 0.5, "two.pt": 0.5}}]},
        {},
    ],
)
def test_whoever_does_not_say_is_taken_to_have_learned_from_everything(run: dict[str, Any]) -> None:
    assert lineage_sources(run) == tuple(EVERY_SOURCE)


def test_an_average_that_names_its_runs_is_taken_at_its_word() -> None:
    mean = {"average": {"one.pt": 0.5, "two.pt": 0.5}, "continues": [BARRED, FREE]}
    assert lineage_sources({**FREE, "continues": [mean]}) == ("airline_tweets", "shopify_app")


def test_names_come_in_the_order_of_the_sources_and_once() -> None:
    run = {"sources": [*reversed(SOURCES), *SOURCES], "aspect_every": 2}
    assert lineage_sources(run) == tuple(EVERY_SOURCE)


def test_a_source_of_unknown_terms_is_no_silence() -> None:
    with pytest.raises(ArtifactError, match="learned from diaries, whose terms are not known"):
        lineage_sources({"sources": ["diaries"]})


# Terms


def test_a_notice_has_a_section_for_each_kind_of_terms() -> None:
    text = notice("a-model", ("airline_tweets", "sst2_sentences", "shopify_app", ASPECTS))
    assert text.startswith("# Notice for a-model\n")
    permitted, unstated, barred = text.split("\n## ")[1:]
    assert permitted.count("\n| ") == unstated.count("\n| ") == 2
    assert "| shopify_app |" in permitted
    assert "| sst2_sentences |" in unstated
    assert "| airline_tweets |" in barred
    assert f"| {ASPECTS} | songyouwei/ABSA-PyTorch @ 9a7c6c1c99 | MIT (repository);" in barred
    assert "##" not in notice("a-model", ())


def test_commercial_training_leaves_out_barred_and_unlicensed_sources() -> None:
    kept = with_commercial_use(tuple(SOURCES))
    assert "airline_tweets" not in kept
    assert "semeval_tweets" in kept
    assert {SOURCES[name].commercial_use for name in kept} == {CommercialUse.PERMITTED}


# The command


def test_the_command_brings_notice_and_lock_up_to_date(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ARTIFACT, tmp_path / "artifact"))
    (folder / NOTICE_FILE).write_text("as it was")
    (folder / "more.txt").write_text("stays")
    with pytest.raises(ArtifactError, match="differs"):
        read_lock(folder)
    assert main(["notice", str(folder)]) == 0
    assert (folder / NOTICE_FILE).read_text() == (ARTIFACT / NOTICE_FILE).read_text()
    assert read_lock(folder) == read_lock(ARTIFACT)
    assert (folder / "more.txt").read_text() == "stays"


def test_the_command_leaves_a_right_notice_alone(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ARTIFACT, tmp_path / "artifact"))
    before = (folder / LOCK_FILE).stat().st_ino
    assert main(["notice", str(folder)]) == 0
    assert (folder / LOCK_FILE).stat().st_ino == before


def test_the_command_refuses_a_lock_without_a_lineage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / LOCK_FILE).write_text(json.dumps({"version": "a", "files": {}}))
    assert main(["notice", str(tmp_path)]) == 2
    assert "does not tell how the model was trained" in capsys.readouterr().err
