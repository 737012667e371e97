"""A folder takes another one's place at once."""

from __future__ import annotations

import shutil
import threading
from functools import partial
from pathlib import Path

import pytest

from models.artifacts import LOCK_FILE
from models.sentiment import installation
from models.sentiment.installation import replace_file, replace_folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("in_one_step", [True, False])
def test_a_folder_is_replaced_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_one_step: bool
) -> None:
    if not in_one_step:
        monkeypatch.setattr(installation, "_exchange", lambda new, target: False)
    target = tmp_path / "deep" / "folder"
    for content in ("one", "two"):
        replace_folder(target, partial(_write, content))
        assert contents(target) == {content: content.encode()}
        assert [path.name for path in target.parent.iterdir()] == ["folder"]


def test_a_failed_second_step_brings_the_old_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "_exchange", lambda new, target: False)
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").write_text("old")
    rename = Path.rename

    def refuse_the_new(self: Path, to: Path) -> Path:
        if (self / "new").exists():
            raise OSError("no space left")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", refuse_the_new)
    with pytest.raises(OSError, match="no space left"):
        replace_folder(target, partial(_write, "new"))
    assert contents(target) == {"old": b"old"}
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_an_empty_folder_that_cannot_be_moved_is_filled_and_the_lock_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the mount point that a container gets for its model."""
    target = tmp_path / "model"
    target.mkdir()
    moved: list[str] = []
    move = shutil.move

    def refuse(self: Path, to: Path) -> Path:
        raise OSError("device or resource busy")

    def remember(path: Path, to: Path) -> None:
        moved.append(path.name)
        move(path, to)

    monkeypatch.setattr(installation, "_exchange", lambda new, target: False)
    monkeypatch.setattr(Path, "rename", refuse)
    monkeypatch.setattr("shutil.move", remember)

    def write(folder: Path) -> None:
        for name in (LOCK_FILE, "model", "a"):
            _write(name, folder)

    replace_folder(target, write)
    assert set(contents(target)) == {LOCK_FILE, "model", "a"}
    assert moved[-1] == LOCK_FILE
    with pytest.raises(OSError, match="busy"):
        replace_folder(target, write)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_link_leads_to_what_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")
    replace_folder(link, partial(_write, "new"))
    assert link.is_symlink()
    assert contents(tmp_path / "real") == {"new": b"new"}


def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "lock"
    replace_file(target, "old")
    with target.open() as reader:
        replace_file(target, "new")
        assert reader.read() == "old"
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o644

    def refuse(self: Path, to: Path) -> Path:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="no space left"):
        replace_file(target, "newer")
    assert contents(tmp_path) == {"lock": b"new"}


def _write(name: str, folder: Path) -> None:
    (folder / name).write_text(name)


def test_a_reader_never_finds_the_folder_missing_or_half_written(tmp_path: Path) -> None:
    target = tmp_path / "folder"

    def write(folder: Path) -> None:
        for name in ("first", "second"):
            (folder / name).write_text(folder.name)

    replace_folder(target, write)
    probe = target.with_name("probe")
    shutil.copytree(target, probe)
    if not installation._exchange(probe, target):
        pytest.skip("this file system cannot exchange two folders")
    done = threading.Event()
    wrong: list[str] = []

    def read() -> None:
        while not done.is_set():
            names = {path.name for path in target.iterdir()} if target.is_dir() else set()
            # A listing that began in the old folder may go on while that is removed, so one that
            # lacks a file is looked at once more: the folder that is there now has to be whole.
            if names != {"first", "second"} and not all(
                (target / name).is_file() for name in ("first", "second")
            ):
                wrong.append(str(names))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(25):
        replace_folder(target, write)
    done.set()
    reader.join()
    assert wrong == []
