"""Whether a candidate may take the place of the artefact in service, and putting it there.

The dev files are read again and both artefacts answer them here and now, so that what is compared
does not rest on figures that either brings along; only the candidate's FP32 figures, whose network
is not part of an artefact, come from its lock.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from customerai.domain.analysis import RequestedTier, Tier
from models.artifacts import LOCK_FILE, MODEL_FILE, TOKENIZER_FILE, ArtifactError
from models.sentiment import examples as labelled
from models.sentiment.examples import Examples
from models.sentiment.fairness.gate import Verdict, judge, summary
from models.sentiment.fairness.limits import FairnessLimits
from models.sentiment.fairness.swaps import Comparison
from models.sentiment.installation import replace_folder
from models.sentiment.lock import read_lock
from models.sentiment.metrics import Report, over_known_classes, report
from models.sentiment.notice import NOTICE_FILE
from models.sentiment.regression import Changes, compare
from models.sentiment.tiers import ARTIFACTS, load_tier

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class PromotionLimits:
    """What a candidate must hold; shares are between 0 and 1."""

    most_lost: float = 0.002
    """Accuracy or macro-F1 that may be lost on a file even where the loss is no chance."""

    chance: float = 0.05
    """A loss that is undone in more than this share of resamples counts as chance."""

    most_lost_aspects: float = 0.01
    """Accuracy of aspects that may be lost. It is not tested for chance: locks hold figures only,
    and one point is about the standard error on the texts that it is measured on."""

    calibration_error: float = 0.03
    lost_to_int8: float = 0.003
    """Accuracy, and macro-F1, that INT8 may lose against FP32 on the dev files together."""

    artifacts_bytes: int = 80 * _MEGABYTE
    """All artefacts of the repository together."""

    static_bytes: int = 8 * _MEGABYTE
    fairness: FairnessLimits = field(default_factory=FairnessLimits)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Why a candidate is refused, if it is, and what was measured."""

    reasons: tuple[str, ...]
    version: str
    measured: dict[str, Any]
    fairness: Verdict | None
    """Absent where the candidate could not be measured."""


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


def judge_candidate(
    candidate: Path,
    tier: Tier,
    dev: Sequence[Path],
    also: Sequence[Path],
    limits: PromotionLimits,
    *,
    target: Path,
    shipped: Sequence[Path],
    statements: Sequence[Comparison],
) -> Judgement:
    """Hold a candidate against the artefact in `target`, where there is one, and against `limits`.

    Args:
        candidate: folder of the artefact that wants in.
        tier: what it is to serve as.
        dev: labelled files that its lock's figures are of.
        also: further labelled files on which it must not be worse.
        limits: what must hold.
        target: folder of the artefact in service.
        shipped: every folder that holds an artefact, for their names and their size.
        statements: what the fairness gate compares.

    Raises:
        InvalidExamplesError: a labelled file is unfit.
        ArtifactError: the artefact in service is unfit.
    """
    parts = {str(path): labelled.read(path) for path in (*dev, *also)}
    try:
        lock = read_whole_lock(candidate, tier)
        classifier = load_tier(RequestedTier(tier), folder=candidate)
    except ArtifactError as error:
        return Judgement((f"lock: {error}",), "", {}, None)
    try:
        answers = {name: classifier.probabilities(part.text) for name, part in parts.items()}
        fairness = judge(classifier.probabilities, limits.fairness, statements)
    finally:
        classifier.close()

    on_dev = report(
        labelled.concatenate([parts[str(path)] for path in dev]),
        np.concatenate([answers[str(path)] for path in dev]),
    )
    on_dev.pop("sources", None)
    measured: dict[str, Any] = {"dev": on_dev, "fairness": fairness["passed"]}
    reasons = [
        *_name_reasons(lock["version"], shipped),
        *_size_reasons(lock["files"], tier, target, shipped, limits),
        *_calibration_reasons(on_dev, limits),
        *_int8_reasons(lock["metrics"], on_dev, tier, limits),
        *(f"fairness: {line}" for line in fairness["breaches"]),
    ]
    if (target / LOCK_FILE).is_file():
        locked = read_whole_lock(target, tier)
        changes = _changes(tier, target, parts, answers)
        measured["compared_with"] = locked["version"]
        measured["files"] = changes
        reasons += _regression_reasons(changes, limits)
        reasons += _aspect_reasons(locked["metrics"], lock["metrics"], limits)
    return Judgement(tuple(reasons), lock["version"], measured, fairness)


def install(candidate: Path, tier: Tier, fairness: Verdict, target: Path) -> None:
    """Put a candidate in the place of `target`, all at once, its lock completed by the fairness
    figures that it was promoted with.

    Raises:
        ArtifactError: the candidate is no longer what its lock says.
        OSError: the copy failed; `target` is as it was.
    """

    def write(folder: Path) -> None:
        lock = read_whole_lock(candidate, tier)
        for name in lock["files"]:
            shutil.copyfile(candidate / name, folder / name)
        lock["metrics"] |= {"fairness": summary(fairness)}
        text = json.dumps(lock, indent=2, ensure_ascii=False)
        (folder / LOCK_FILE).write_text(text + "\n", encoding="utf-8")
        read_whole_lock(folder, tier)

    replace_folder(target, write)


def read_whole_lock(folder: Path, tier: Tier) -> dict[str, Any]:
    """Read a lock as it is written, after verifying the files and that nothing is left out.

    Raises:
        ArtifactError: something is missing, or differs from the lock.
    """
    if tier is Tier.STATIC:
        from customerai_static.artifact import StaticArtifactError
        from customerai_static.artifact import read_lock as read_static_lock

        try:
            read_static_lock(folder)
        except StaticArtifactError as error:
            raise ArtifactError(str(error)) from error
        keys, files = ["version", "metrics"], [TOKENIZER_FILE]
        figures: list[str] = []
    else:
        read_lock(folder)
        keys = ["version", "metrics", "training"]
        files = [MODEL_FILE, TOKENIZER_FILE, NOTICE_FILE]
        figures = ["fp32", "int8", "calibration_error", "calibrated"]
    raw: dict[str, Any] = json.loads((folder / LOCK_FILE).read_text(encoding="utf-8"))
    absent = [key for key in keys if not raw.get(key)]
    absent += [f"metrics.{name}" for name in figures if name not in raw.get("metrics", {})]
    absent += [name for name in files if name not in raw["files"]]
    if absent:
        raise ArtifactError(f"{folder / LOCK_FILE}: incomplete, lacks {', '.join(absent)}")
    return raw


def _changes(
    tier: Tier,
    target: Path,
    parts: Mapping[str, Examples],
    answers: Mapping[str, npt.NDArray[np.float64]],
) -> dict[str, Changes]:
    """How the candidate's answers to each file compare with those of the artefact in service."""
    classifier = load_tier(RequestedTier(tier), folder=target)
    try:
        return {
            name: compare(
                part.label,
                _predicted(part, classifier.probabilities(part.text)),
                _predicted(part, answers[name]),
            )
            for name, part in parts.items()
        }
    finally:
        classifier.close()


def _predicted(part: Examples, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    best: npt.NDArray[np.int64] = over_known_classes(probabilities, part.binary).argmax(axis=1)
    return best


def _name_reasons(version: str, shipped: Sequence[Path]) -> Iterator[str]:
    for folder in shipped:
        if json.loads((folder / LOCK_FILE).read_text(encoding="utf-8")).get("version") == version:
            yield f"version: {version} is the name of the artefact in {folder}; choose a new one"


def _size_reasons(
    files: Mapping[str, Mapping[str, Any]],
    tier: Tier,
    target: Path,
    shipped: Sequence[Path],
    limits: PromotionLimits,
) -> Iterator[str]:
    own = sum(int(entry["bytes"]) for entry in files.values())
    if tier is Tier.STATIC and own > limits.static_bytes:
        yield f"size: {own} bytes are above the {limits.static_bytes} of the static tier"
    others = (folder for folder in shipped if folder.resolve() != target.resolve())
    total = own + sum(
        path.stat().st_size for folder in others for path in folder.iterdir() if path.is_file()
    )
    if total > limits.artifacts_bytes:
        yield f"size: all artefacts together are {total} bytes, above {limits.artifacts_bytes}"


def _calibration_reasons(on_dev: Report, limits: PromotionLimits) -> Iterator[str]:
    if on_dev["ece"] > limits.calibration_error:
        yield (
            f"calibration: expected error {on_dev['ece']:.4f} on the dev files "
            f"is above {limits.calibration_error:g}"
        )


def _int8_reasons(
    metrics: Mapping[str, Any], on_dev: Report, tier: Tier, limits: PromotionLimits
) -> Iterator[str]:
    if tier is Tier.STATIC:
        return  # its tables are whole numbers from the start: there is no FP32 network to lose to
    fp32, int8 = metrics["fp32"], metrics["int8"]
    if fp32["n"] != on_dev["n"]:
        yield f"INT8: the lock's figures are of {fp32['n']} texts, the dev files hold {on_dev['n']}"
        return
    for name, here in (("accuracy", on_dev["accuracy"]), ("macro_f1", on_dev["macro_f1"])):
        worse = min(int8[name], here)
        # The figures have four decimals: without rounding 0.8700 - 0.8670 is above 0.003.
        if round(fp32[name] - worse, 4) > limits.lost_to_int8:
            yield f"INT8: {name} {worse:.4f} against {fp32[name]:.4f} of FP32"


def _regression_reasons(changes: Mapping[str, Changes], limits: PromotionLimits) -> Iterator[str]:
    for file, change in changes.items():
        for name, figure in (("accuracy", change["accuracy"]), ("macro_f1", change["macro_f1"])):
            lost = round(figure["locked"] - figure["candidate"], 4)
            if lost > limits.most_lost and figure["p"] < limits.chance:
                yield (
                    f"regression: {name} on {file} falls from {figure['locked']:.4f} "
                    f"to {figure['candidate']:.4f} (p = {figure['p']:.4f} that it is chance)"
                )


def _aspect_reasons(
    locked: Mapping[str, Any], candidate: Mapping[str, Any], limits: PromotionLimits
) -> Iterator[str]:
    before = dict(_accuracies(locked.get("aspects")))
    after = dict(_accuracies(candidate.get("aspects")))
    if before and not before.keys() & after.keys():
        yield "aspects: the artefact in service has figures that the candidate's lock lacks"
    for name in sorted(before.keys() & after.keys()):
        if round(before[name] - after[name], 4) > limits.most_lost_aspects:
            yield f"aspects: {name} falls from {before[name]:.4f} to {after[name]:.4f}"


def _accuracies(figures: object, path: str = "") -> Iterator[tuple[str, float]]:
    """Every figure called accuracy, by where it stands: as a whole, by domain or by precision."""
    if isinstance(figures, Mapping):
        for name, value in figures.items():
            where = f"{path} {name}".strip()
            if name == "accuracy":
                yield where, float(value)
            else:
                yield from _accuracies(value, where)
