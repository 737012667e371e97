"""Whether a candidate may take the place of the artefact in service, and putting it there.

The dev files are read again and both artefacts answer them here and now, so that what is compared
does not rest on figures that either brings along; only the candidate's FP32 figures, whose network
is not part of an artefact, come from its lock.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from customerai.domain.analysis import RequestedTier, Tier
from models.artifacts import LOCK_FILE, MODEL_FILE, TOKENIZER_FILE, ArtifactError
from models.sentiment import examples as labelled
from models.sentiment import promotion_reasons as reason
from models.sentiment.aspect_examples import MarkedSentence
from models.sentiment.aspect_metrics import AspectReport, by_domain
from models.sentiment.examples import Examples
from models.sentiment.fairness.gate import Verdict, judge, summary
from models.sentiment.fairness.swaps import Comparison
from models.sentiment.installation import replace_folder
from models.sentiment.lock import read_lock, read_raw_lock, write_raw_lock
from models.sentiment.metrics import over_known_classes, report
from models.sentiment.notice import NOTICE_FILE
from models.sentiment.promotion_limits import PromotionLimits
from models.sentiment.regression import Changes, compare
from models.sentiment.tiers import Classifier, load_tier

Answers = Mapping[str, npt.NDArray[np.float64]]
"""By file, the probabilities (n, 3) of its n texts."""


class Acceptance(TypedDict):
    """That an unfair artefact replaced another unfair one, why, and by how much both are unfair."""

    reason: str
    """The operator's own words."""

    breaches: list[str]
    in_service: str
    """Version of what was replaced."""

    in_service_breaches: list[str]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Why a candidate is refused, if it is, and what was measured."""

    reasons: tuple[str, ...]
    version: str
    measured: dict[str, Any]
    fairness: Verdict | None
    """Absent where the candidate could not be measured."""

    accepted: Acceptance | None = None
    """Where breaches of fairness are no reasons because the operator accepted them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the candidate and the artefact in service are asked."""

    parts: Mapping[str, Examples]
    """Labelled files."""

    marked: Sequence[MarkedSentence]
    statements: Sequence[Comparison]


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
    marked: Sequence[MarkedSentence] = (),
    full: Path | None = None,
    accept_unfair: str | None = None,
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
        marked: held-out sentences with marked aspects, for a tier that finds them.
        full: folder of the tier `full` in service, which a candidate for `fast` is held against.
        accept_unfair: why a candidate that is unfair may replace an artefact that is unfair too.

    Raises:
        InvalidExamplesError: a labelled file is unfit.
        ArtifactError: the artefact in service is unfit.
    """
    asked = Asked({str(path): labelled.read(path) for path in (*dev, *also)}, marked, statements)
    on = [str(path) for path in dev]
    try:
        lock = read_whole_lock(candidate, tier)
        wrong_notice = list(reason.of_notice(candidate, lock))
        classifier = load_tier(RequestedTier(tier), folder=candidate)
    except ArtifactError as error:
        return Judgement((f"lock: {error}",), "", {}, None)
    try:
        answers = _answers(classifier, asked.parts)
        aspects = _aspects(classifier, marked)
        fairness = judge(classifier.probabilities, limits.fairness_of(tier), statements)
    finally:
        classifier.close()

    together = labelled.concatenate([asked.parts[name] for name in on])
    on_dev = report(together, np.concatenate([answers[name] for name in on]))
    on_dev.pop("sources", None)
    here = {name: _accuracy(asked.parts[name], answers[name]) for name in on}
    measured: dict[str, Any] = {
        "dev": on_dev,
        "accuracy": here,
        "fairness": fairness["passed"],
        "unfair": fairness["breaches"],
    }
    reasons = [
        *reason.of_name(lock["version"], shipped),
        *wrong_notice,
        *reason.of_size(lock["files"], tier, target, shipped, limits),
        *reason.of_calibration(on_dev, limits),
    ]
    if tier is not Tier.STATIC:
        # Its tables are whole numbers from the start: there is no FP32 network to lose to.
        files = {name: (asked.parts[name], here[name]) for name in on}
        reasons += reason.of_int8(lock["metrics"], on_dev, files, limits)
    if aspects is not None:
        measured["aspects"] = aspects
    if tier is Tier.FAST and full is not None and (full / LOCK_FILE).is_file():
        measured["full"] = _accuracies(full, {name: asked.parts[name] for name in on})
        reasons += reason.of_distance(here, measured["full"], limits)
    accepted = None
    if (target / LOCK_FILE).is_file():
        wanted = None if fairness["passed"] else accept_unfair
        before = _hold_against(target, tier, asked, answers, limits, fairness=wanted is not None)
        measured |= {"compared_with": before.version, "files": before.changes}
        reasons += reason.of_regression(before.changes, limits)
        reasons += reason.of_aspects(before.aspects, aspects, limits)
        if wanted is not None and before.unfair:
            accepted = Acceptance(
                reason=wanted,
                breaches=fairness["breaches"],
                in_service=before.version,
                in_service_breaches=before.unfair,
            )
            measured["accepted_unfair"] = accepted
    if accepted is None:
        reasons += (f"fairness: {line}" for line in fairness["breaches"])
        if accept_unfair is not None and not fairness["passed"]:
            reasons.append("fairness: only what is unfair itself may be replaced by what is unfair")
    return Judgement(tuple(reasons), lock["version"], measured, fairness, accepted)


def install(
    candidate: Path,
    tier: Tier,
    fairness: Verdict,
    target: Path,
    accepted: Acceptance | None = None,
) -> None:
    """Put a candidate in the place of `target`, all at once, its lock completed by the fairness
    figures that it was promoted with, and by what was accepted of them.

    Raises:
        ArtifactError: the candidate is no longer what its lock says.
        OSError: the copy failed; `target` is as it was.
    """

    def write(folder: Path) -> None:
        lock = read_whole_lock(candidate, tier)
        for name in lock["files"]:
            shutil.copyfile(candidate / name, folder / name)
        lock["metrics"].pop("fairness_accepted", None)
        lock["metrics"] |= {"fairness": summary(fairness)}
        if accepted is not None:
            lock["metrics"] |= {"fairness_accepted": accepted}
        write_raw_lock(folder, lock)
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
        files = [TOKENIZER_FILE, NOTICE_FILE]
        figures: list[str] = []
    else:
        read_lock(folder)
        files = [MODEL_FILE, TOKENIZER_FILE, NOTICE_FILE]
        figures = ["fp32", "int8", "calibration_error", "calibrated"]
    raw = read_raw_lock(folder)
    absent = [key for key in ("version", "metrics", "training") if not raw.get(key)]
    absent += [f"metrics.{name}" for name in figures if name not in raw.get("metrics", {})]
    absent += [name for name in files if name not in raw["files"]]
    if absent:
        raise ArtifactError(f"{folder / LOCK_FILE}: incomplete, lacks {', '.join(absent)}")
    return raw


@dataclass(frozen=True, slots=True)
class _Before:
    """The artefact in service: what it is called, and how the candidate compares with it."""

    version: str
    changes: dict[str, Changes]
    aspects: dict[str, AspectReport] | None
    unfair: list[str]
    """Limits of fairness that it exceeds, where that was asked."""


def _hold_against(
    target: Path,
    tier: Tier,
    asked: Asked,
    answers: Answers,
    limits: PromotionLimits,
    *,
    fairness: bool,
) -> _Before:
    """Ask the artefact in service what the candidate was asked, the fairness gate's statements only
    where `fairness` says so: they are many."""
    lock = read_whole_lock(target, tier)
    classifier = load_tier(RequestedTier(tier), folder=target)
    try:
        changes = {
            name: compare(
                part.label,
                _predicted(part, classifier.probabilities(part.text)),
                _predicted(part, answers[name]),
            )
            for name, part in asked.parts.items()
        }
        aspects = _aspects(classifier, asked.marked)
        unfair = (
            judge(classifier.probabilities, limits.fairness_of(tier), asked.statements)["breaches"]
            if fairness
            else []
        )
    finally:
        classifier.close()
    return _Before(lock["version"], changes, aspects, unfair)


def _accuracies(folder: Path, parts: Mapping[str, Examples]) -> dict[str, float]:
    """The accuracy of the tier `full` by file."""
    classifier = load_tier(RequestedTier.FULL, folder=folder)
    try:
        return {
            name: _accuracy(parts[name], answer)
            for name, answer in _answers(classifier, parts).items()
        }
    finally:
        classifier.close()


def _answers(classifier: Classifier, parts: Mapping[str, Examples]) -> Answers:
    return {name: classifier.probabilities(part.text) for name, part in parts.items()}


def _aspects(
    classifier: Classifier, marked: Sequence[MarkedSentence]
) -> dict[str, AspectReport] | None:
    if classifier.tag is None or not marked:
        return None
    return by_domain(marked, classifier.tag([sentence.text for sentence in marked]))


def _accuracy(part: Examples, probabilities: npt.NDArray[np.float64]) -> float:
    return round(float(np.mean(_predicted(part, probabilities) == part.label)), 4)


def _predicted(part: Examples, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    best: npt.NDArray[np.int64] = over_known_classes(probabilities, part.binary).argmax(axis=1)
    return best
