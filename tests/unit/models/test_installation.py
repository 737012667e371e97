"""A folder takes another one's place at once."""

from __future__ import annotations

import shutil
import threading
from functools import partial
from pathlib import Path

import pytest

from models.sentiment import installation
from models.sentiment.installation import replace_folder


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
