"""Each reason to refuse a candidate, from what its lock says and what was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from customerai.domain.analysis import Tier
from models.sentiment.aspect_metrics import AspectReport
from models.sentiment.examples import Examples
from models.sentiment.in_service import name_taken
from models.sentiment.metrics import Report
from models.sentiment.notice import NOTICE_FILE, lineage_sources, notice
from models.sentiment.promotion_limits import PromotionLimits
from models.sentiment.regression import Changes

Reasons = Iterator[str]


def of_name(version: str, shipped: Sequence[Path]) -> Reasons:
    """A name stands for one model only: it is recorded beside what that one said."""
    folder = name_taken(version, shipped)
    if folder is not None:
        yield f"version: {version} is the name of the artefact in {folder}; choose a new one"


def of_notice(candidate: Path, lock: Mapping[str, Any]) -> Reasons:
    """The notice has to name everything that the weights come from."""
    expected = notice(lock["version"], lineage_sources(lock["training"]))
    if (candidate / NOTICE_FILE).read_text(encoding="utf-8") != expected:
        yield (
            f"{NOTICE_FILE}: is not what the lock says that the model learned from; "
            f"`python -m models.sentiment notice {candidate}` writes it anew"
        )


def of_size(
    files: Mapping[str, Mapping[str, Any]],
    tier: Tier,
    target: Path,
    shipped: Sequence[Path],
    limits: PromotionLimits,
) -> Reasons:
    """Artefacts are committed, and one of them travels in a Lambda bundle."""
    own = sum(int(entry["bytes"]) for entry in files.values())
    if tier is Tier.STATIC and own > limits.static_bytes:
        yield f"size: {own} bytes are above the {limits.static_bytes} of the static tier"
    others = (folder for folder in shipped if folder.resolve() != target.resolve())
    total = own + sum(
        path.stat().st_size for folder in others for path in folder.iterdir() if path.is_file()
    )
    if total > limits.artifacts_bytes:
        yield f"size: all artefacts together are {total} bytes, above {limits.artifacts_bytes}"


def of_calibration(on_dev: Report, limits: PromotionLimits) -> Reasons:
    """A confidence has to be worth what it says."""
    if on_dev["ece"] > limits.calibration_error:
        yield (
            f"calibration: expected error {on_dev['ece']:.4f} on the dev files "
            f"is above {limits.calibration_error:g}"
        )


def of_int8(
    metrics: Mapping[str, Any],
    on_dev: Report,
    files: Mapping[str, tuple[Examples, float]],
    limits: PromotionLimits,
) -> Reasons:
    """Quantisation may cost little, on all dev files together and on each.

    Args:
        metrics: of the lock; its FP32 figures are the only ones there are.
        on_dev: measured here on all dev files together.
        files: each dev file, and the accuracy measured here on it.
        limits: what must hold.
    """
    fp32, int8 = metrics["fp32"], metrics["int8"]
    if fp32["n"] != on_dev["n"]:
        yield f"INT8: the lock's figures are of {fp32['n']} texts, the dev files hold {on_dev['n']}"
        return
    for name, here in (("accuracy", on_dev["accuracy"]), ("macro_f1", on_dev["macro_f1"])):
        worse = min(int8[name], here)
        # The figures have four decimals: without rounding 0.8700 - 0.8670 is above 0.003.
        if round(fp32[name] - worse, 4) > limits.lost_to_int8:
            yield f"INT8: {name} {worse:.4f} against {fp32[name]:.4f} of FP32"
    for file, (part, here) in files.items():
        before, after = accuracy_on(fp32, part), accuracy_on(int8, part)
        if before is None or after is None:
            yield f"INT8: the lock has no figures of the sources in {file}"
            continue
        worse = min(after, here)
        if round(before - worse, 4) > limits.lost_to_int8_on(len(part)):
            yield f"INT8: accuracy {worse:.4f} against {before:.4f} of FP32 on {file}"


def accuracy_on(report: Report, part: Examples) -> float | None:
    """Return the accuracy on one file from a lock's figures, which are by source; None where they
    are not of the file's texts."""
    counts = Counter(part.source.tolist())
    if set(counts) == {""}:
        return report["accuracy"] if report["n"] == len(part) else None
    sources = report.get("sources", {})
    if any(name not in sources or sources[name]["n"] != n for name, n in counts.items()):
        return None
    return sum(sources[name]["accuracy"] * n for name, n in counts.items()) / len(part)


def of_regression(changes: Mapping[str, Changes], limits: PromotionLimits) -> Reasons:
    """Worse than what is in service, and not by chance."""
    for file, change in changes.items():
        for name, figure in (("accuracy", change["accuracy"]), ("macro_f1", change["macro_f1"])):
            lost = round(figure["locked"] - figure["candidate"], 4)
            if lost > limits.most_lost and figure["p"] < limits.chance:
                yield (
                    f"regression: {name} on {file} falls from {figure['locked']:.4f} "
                    f"to {figure['candidate']:.4f} (p = {figure['p']:.4f} that it is chance)"
                )


def of_aspects(
    locked: Mapping[str, AspectReport] | None,
    candidate: Mapping[str, AspectReport] | None,
    limits: PromotionLimits,
) -> Reasons:
    """Worse at finding or at judging aspects; figures by domain, "all" is of all together."""
    if locked is None:
        return
    if candidate is None:
        yield "aspects: the artefact in service finds aspects, the candidate does not"
        return
    for domain, before in locked.items():
        most = limits.most_lost_aspects if domain == "all" else limits.most_lost_aspects_of_domain
        after = candidate[domain]
        for name, old, new in (
            ("span F1", before["span_f1"], after["span_f1"]),
            ("accuracy", before["accuracy"], after["accuracy"]),
        ):
            if round(old - new, 4) > most:
                yield f"aspects: {name}, {domain}, falls from {old:.4f} to {new:.4f}"


def of_distance(
    here: Mapping[str, float], of_full: Mapping[str, float], limits: PromotionLimits
) -> Reasons:
    """`fast` is a cheaper `full`, not another model: accuracy by file, of both."""
    for file, full in of_full.items():
        if round(full - here[file], 4) > limits.below_full:
            yield (
                f"fast: accuracy {here[file]:.4f} on {file} is more than {limits.below_full:g} "
                f"below the {full:.4f} of full"
            )
