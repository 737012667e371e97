"""The promotion gate as a step of a pipeline."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

from customerai.domain.analysis import Tier
from models.sentiment.aspect_examples import read_aspects
from models.sentiment.fairness.swaps import comparisons
from models.sentiment.in_service import shipped_folder, shipped_folders
from models.sentiment.promotion import judge_candidate
from models.sentiment.promotion_limits import PromotionLimits
from models.sentiment.settings import TrainSettings

JUDGEMENT_FILE = "judgement.json"
_ARCHIVE = "model.tar.gz"


def judge_archive(
    model: Path,
    data: Path,
    output: Path,
    dev_files: tuple[str, ...] = TrainSettings().dev_files,
    aspects_file: str = TrainSettings().aspects_file,
) -> bool:
    """Hold a trained model against the artefact in this image, and write the judgement.

    Args:
        model: folder with the training job's model.tar.gz; it is unpacked beside it.
        data: folder of the dev files and the marked sentences.
        output: folder for the judgement: `accepted`, `reasons`, `model`, and what was measured.
        dev_files: labelled files inside `data`.
        aspects_file: sentences with marked aspects inside `data`.

    Raises:
        InvalidExamplesError: a dev file is unfit.
        ArtifactError: the artefact in this image is unfit.
    """
    candidate = unpack(model / _ARCHIVE, model / "candidate")
    judgement = judge_candidate(
        candidate,
        Tier.FULL,
        [data / name for name in dev_files],
        [],
        PromotionLimits(),
        target=shipped_folder(Tier.FULL),
        shipped=shipped_folders(),
        statements=comparisons(),
        marked=read_aspects(data / aspects_file, "test"),
    )
    accepted = not judgement.reasons
    written = {
        "accepted": accepted,
        "model": judgement.version,
        "reasons": judgement.reasons,
        **judgement.measured,
    }
    output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(written, ensure_ascii=False, indent=2)
    (output / JUDGEMENT_FILE).write_text(text, encoding="utf-8")
    return accepted


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a training job's model.tar.gz, as the service does into /opt/ml/model."""
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder
