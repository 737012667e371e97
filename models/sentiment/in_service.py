"""The folders that are in service, and what keeps a run from writing into them.

An artefact gets there through `python -m models.sentiment promote` (ADR 0013); a training command
that wrote to one of them would put an unjudged model in front of people.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from customerai.domain.analysis import Tier
from models.artifacts import LOCK_FILE, ArtifactError
from models.sentiment.tiers import ARTIFACTS


class InServiceError(ArtifactError):
    """A run would write over an artefact in service, or take its name."""


def shipped_folder(tier: Tier) -> Path:
    """Where the tier's artefact lives in this repository."""
    if tier is Tier.STATIC:
        from customerai_static import ARTIFACT

        return ARTIFACT
    return ARTIFACTS / tier


def shipped_folders() -> list[Path]:
    """Every folder of this repository that holds an artefact."""
    locks = Path(ARTIFACTS).parents[1].glob(f"*/artifact/**/{LOCK_FILE}")
    return holding_artefacts([*(lock.parent for lock in locks), shipped_folder(Tier.STATIC)])


def holding_artefacts(folders: Iterable[Path]) -> list[Path]:
    """Those of `folders` that hold an artefact, whole or not."""
    return sorted(folder for folder in folders if (folder / LOCK_FILE).is_file())


def name_taken(version: str, folders: Iterable[Path]) -> Path | None:
    """Return the one of `folders` whose artefact is called `version`, if there is one."""
    for folder in folders:
        if json.loads((folder / LOCK_FILE).read_text(encoding="utf-8")).get("version") == version:
            return folder
    return None


def hold_apart(artifact: Path, version: str) -> None:
    """Hold what a run is about to write against what is in service.

    Args:
        artifact: the folder that the run's artefact goes to, in place of what is there.
        version: what it will be called.

    Raises:
        InServiceError: the folder is in service, holds or lies in one that is, or holds something
            that is no artefact; or the name is taken.
    """
    wanted = artifact.resolve()
    for folder in {*shipped_folders(), *map(shipped_folder, Tier)}:
        served = folder.resolve()
        if wanted == served or served in wanted.parents or wanted in served.parents:
            raise InServiceError(
                f"{artifact}: {folder} is in service; write to another folder, then "
                "`python -m models.sentiment promote` it"
            )
    if artifact.is_dir() and any(artifact.iterdir()) and not (artifact / LOCK_FILE).is_file():
        # The artefact takes the folder's place: whatever else is in there would be gone.
        raise InServiceError(f"{artifact}: holds something else; give the artefact its own folder")
    hold_name(version)


def hold_name(version: str) -> None:
    """Refuse a name that is recorded beside stored analyses already.

    Raises:
        InServiceError: an artefact in service is called `version`.
    """
    folder = name_taken(version, shipped_folders())
    if folder is not None:
        raise InServiceError(f"{version} is the name of the artefact in {folder}; choose a new one")
