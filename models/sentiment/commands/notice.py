"""Write the notices of artefacts anew, from what their locks say they learned from."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from customerai.domain.analysis import Tier
from models.artifacts import LOCK_FILE, ArtifactError, lock_file
from models.sentiment.commands.train import log
from models.sentiment.in_service import holding_artefacts, shipped_folder
from models.sentiment.installation import replace_folder
from models.sentiment.lock import read_raw_lock, write_raw_lock
from models.sentiment.notice import NOTICE_FILE, lineage_sources, notice

NAME = "notice"
HELP = "write NOTICE.md of artefacts from the lineage in their locks"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "folders",
        type=Path,
        nargs="*",
        help="of artefacts; those of every tier in service by default",
    )


def run(options: argparse.Namespace) -> int:
    """Rewrite each notice that says something else, and its entry in the lock, both at once."""
    for folder in options.folders or holding_artefacts(map(shipped_folder, Tier)):
        lock = read_raw_lock(folder)
        if "training" not in lock or "version" not in lock or "files" not in lock:
            raise ArtifactError(f"{folder / LOCK_FILE}: does not tell how the model was trained")
        text = notice(lock["version"], lineage_sources(lock["training"]))
        path = folder / NOTICE_FILE
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            _rewrite(folder, lock, text)
            log(f"wrote {path}")
    return 0


def _rewrite(folder: Path, lock: dict[str, Any], text: str) -> None:
    def write(new: Path) -> None:
        shutil.copytree(folder, new, dirs_exist_ok=True)
        (new / NOTICE_FILE).write_text(text, encoding="utf-8")
        lock["files"][NOTICE_FILE] = asdict(lock_file(new / NOTICE_FILE))
        write_raw_lock(new, lock)

    replace_folder(folder, write)
