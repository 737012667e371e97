"""Put a folder in the place of another one, all at once or not at all."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from models.artifacts import LOCK_FILE

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
"""From <linux/fs.h>; see renameat2(2)."""


def replace_folder(target: Path, write: Callable[[Path], None]) -> None:
    """Have `write` fill a new folder beside `target`, then put it in the place of `target`.

    The new folder is on disk before it takes the place. On Linux the two are exchanged in one step,
    so that every reader, and a machine that loses power, finds the old folder or the new one; where
    the system or its file system cannot do that, the old one is moved aside first, and moved back
    if the second step fails. An empty folder that cannot be moved at all, such as the mount point
    that a container gets for its model, is filled, the artefact's lock coming last.

    Raises:
        OSError: the disk is full or does not let us; `target` is as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    # By its real name: what is replaced is a folder, not the link that leads to it.
    target = target.resolve()
    new = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        new.chmod(0o755)
        write(new)
        for path in [*new.iterdir(), new]:
            _to_disk(path)
        if not target.exists():
            new.rename(target)
        elif not _exchange(new, target):
            if any(target.iterdir()):
                _in_two_steps(new, target)
            else:
                _fill(new, target)
        _to_disk(target.parent)
    finally:
        # By now this is what failed, or what was replaced.
        shutil.rmtree(new, ignore_errors=True)


def replace_file(target: Path, text: str) -> None:
    """Put `text` into a file, so that every reader finds the old content or the new one, whole.

    Raises:
        OSError: the disk is full or does not let us; `target` is as it was.
    """
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    new = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        new.chmod(0o644)
        _to_disk(new)
        new.replace(target)
        _to_disk(target.parent)
    finally:
        new.unlink(missing_ok=True)


def _exchange(new: Path, target: Path) -> bool:
    """Exchange two folders; false where that is not to be had."""
    if sys.platform != "linux":
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    failed = rename(
        _AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(target), ctypes.c_uint(_RENAME_EXCHANGE)
    )
    return not failed


def _in_two_steps(new: Path, target: Path) -> None:
    aside = new.with_name(f"{new.name}.old")
    target.rename(aside)
    try:
        new.rename(target)
    except OSError:
        aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _fill(new: Path, target: Path) -> None:
    for path in sorted(new.iterdir(), key=lambda path: path.name == LOCK_FILE):
        shutil.move(path, target / path.name)
        _to_disk(target / path.name)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
