"""What a candidate is refused for, and how it takes the place of the artefact in service."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customerai.domain.analysis import RequestedTier, Tier
from models.artifacts import LOCK_FILE, MODEL_FILE, TOKENIZER_FILE, ArtifactError, lock_file
from models.sentiment import promotion
from models.sentiment.fairness.limits import AxisLimits, FairnessLimits
from models.sentiment.fairness.swaps import Comparison, comparisons
from models.sentiment.lock import read_lock
from models.sentiment.notice import NOTICE_FILE
from models.sentiment.predictor import ARTIFACT
from models.sentiment.promotion import Judgement, PromotionLimits, install, judge_candidate
from models.sentiment.tiers import Classifier

GOOD, FACT, BAD = "I love it, it is perfect", "The box is 30 cm wide", "I hate it, it is awful"
ROWS = 200
_ANYTHING = AxisLimits(1.0, 1.0, 2.0, 2.0, 2.0)
LENIENT = PromotionLimits(
    calibration_error=1.0,
    fairness=FairnessLimits(*[_ANYTHING] * 6),
)
"""For a handful of texts: on so few, calibration and fairness say little."""


def statements() -> list[Comparison]:
    """Each axis, with one statement in a few wordings."""
    first = {comparison.axis: comparison for comparison in reversed(comparisons())}
    return [one._replace(variants=one.variants[:3]) for one in first.values()]


def labels_of(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    return np.asarray([0 if BAD in text else 2 if GOOD in text else 1 for text in texts])


def answering(wrong: Callable[[str], bool], confidence: float = 0.9) -> Any:
    """A model that is right but for the texts that `wrong` picks."""

    def probabilities(texts: Sequence[str]) -> npt.NDArray[np.float64]:
        answer = (labels_of(texts) + [wrong(text) for text in texts]) % 3
        rows = np.full((len(texts), 3), (1 - confidence) / 2)
        rows[np.arange(len(texts)), answer] = confidence
        return rows

    return probabilities


def ends_with(*digits: str) -> Callable[[str], bool]:
    return lambda text: text.endswith(digits)


@dataclass
class Stage:
    """A repository of one artefact, a candidate for its place, and a labelled file."""

    target: Path
    candidate: Path
    dev: Path
    models: dict[Path, Any]

    def edit(self, folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
        lock = json.loads((folder / LOCK_FILE).read_text())
        change(lock)
        (folder / LOCK_FILE).write_text(json.dumps(lock))

    def judge(
        self, limits: PromotionLimits = LENIENT, also: Sequence[Path] = (), tier: Tier = Tier.FULL
    ) -> Judgement:
        return judge_candidate(
            self.candidate,
            tier,
            [self.dev],
            also,
            limits,
            target=self.target,
            shipped=promotion.holding_artefacts([self.target]),
            statements=statements(),
        )


def lock_files(stage: Stage, folder: Path, metrics: dict[str, Any]) -> None:
    files = {
        name: asdict(lock_file(folder / name)) for name in (MODEL_FILE, TOKENIZER_FILE, NOTICE_FILE)
    }
    stage.edit(folder, lambda lock: lock.update(files=files, metrics=metrics))


def _set_aspects(figures: dict[str, Any], lock: dict[str, Any]) -> None:
    lock["metrics"]["aspects"] = figures


def write_texts(path: Path, texts: list[str]) -> Path:
    pq.write_table(pa.table({"text": texts, "label": labels_of(texts).tolist()}), path)
    return path


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A candidate that passes: the real lock, with files of a few bytes and figures of a small
    file. The models behind them are ours."""
    texts = [f"{sentence}, number {row}" for row in range(ROWS) for sentence in (GOOD, FACT, BAD)]
    found = Stage(
        tmp_path / "service" / "full",
        tmp_path / "candidate",
        write_texts(tmp_path / "dev.parquet", texts),
        {},
    )
    figures = {"n": len(texts), "accuracy": 0.9, "macro_f1": 0.9}
    metrics = {
        "fp32": figures,
        "int8": figures,
        "calibrated": figures,
        "calibration_error": {"before": 0.1, "after": 0.1},
        "aspects": {"accuracy": 0.76, "macro_f1": 0.7},
    }
    for folder in (found.target, found.candidate):
        folder.mkdir(parents=True)
        for name in (MODEL_FILE, TOKENIZER_FILE, NOTICE_FILE):
            (folder / name).write_text(f"This is {name}.\n")
        shutil.copyfile(ARTIFACT / LOCK_FILE, folder / LOCK_FILE)
        lock_files(found, folder, metrics)
        found.models[folder] = answering(ends_with("0"))
    found.edit(found.candidate, lambda lock: lock.update(version="candidate-2"))

    def load_tier(tier: RequestedTier, *, folder: Path) -> Classifier:
        return Classifier(read_lock(folder).version, found.models[folder], lambda: None)

    monkeypatch.setattr(promotion, "load_tier", load_tier)
    return found


def test_a_candidate_that_is_no_worse_passes(stage: Stage) -> None:
    judgement = stage.judge()
    assert judgement.reasons == ()
    assert judgement.version == "candidate-2"
    assert judgement.measured["dev"]["accuracy"] == 0.9
    assert judgement.measured["files"][str(stage.dev)]["accuracy"]["p"] == 1.0


def test_the_first_artefact_of_a_tier_is_compared_with_none(stage: Stage) -> None:
    shutil.rmtree(stage.target)
    judgement = stage.judge()
    assert judgement.reasons == ()
    assert "files" not in judgement.measured


# Regression


def test_a_worse_candidate_is_refused_for_accuracy_and_macro_f1(stage: Stage) -> None:
    stage.models[stage.target] = answering(lambda text: False)
    reasons = stage.judge().reasons
    assert [reason.split(" on ")[0] for reason in reasons] == [
        "regression: accuracy",
        "regression: macro_f1",
    ]
    assert "from 1.0000 to 0.9000" in reasons[0]


def test_a_loss_that_chance_explains_is_no_regression(stage: Stage) -> None:
    # One in ten is wrong either way, only other ones: 60 against 60 texts, and three more.
    stage.models[stage.target] = answering(ends_with("1"))
    stage.models[stage.candidate] = answering(ends_with("0", " 12"))
    judgement = stage.judge(replace(LENIENT, lost_to_int8=1.0))
    change = judgement.measured["files"][str(stage.dev)]["accuracy"]
    assert change["locked"] - change["candidate"] > LENIENT.most_lost
    assert change["p"] > 0.3
    assert judgement.reasons == ()


def test_a_certain_but_small_loss_is_tolerated(stage: Stage) -> None:
    stage.models[stage.candidate] = answering(
        lambda text: text.endswith("0") or text in (f"{GOOD}, number 1", f"{BAD}, number 12")
    )
    anything_is_certain = replace(LENIENT, lost_to_int8=1.0, chance=1.0)
    assert stage.judge(replace(anything_is_certain, most_lost=0.004)).reasons == ()
    assert stage.judge(replace(anything_is_certain, most_lost=0.003)).reasons


def test_further_files_count_too(stage: Stage, tmp_path: Path) -> None:
    other = write_texts(tmp_path / "other.parquet", [f"{BAD}, letter {row} a" for row in range(60)])
    assert stage.judge(also=[other]).reasons == ()
    stage.models[stage.candidate] = answering(ends_with("0", "a"))
    reasons = stage.judge(also=[other]).reasons
    assert len(reasons) == 2
    assert all(str(other) in reason for reason in reasons)


# The other reasons


def test_too_sure_of_itself_is_refused(stage: Stage) -> None:
    stage.models[stage.candidate] = answering(ends_with("0"), confidence=0.999)
    reasons = stage.judge(replace(LENIENT, calibration_error=0.03)).reasons
    assert [reason[:30] for reason in reasons] == ["calibration: expected error 0."]
    stage.models[stage.candidate] = answering(ends_with("0"), confidence=0.9)
    assert stage.judge(replace(LENIENT, calibration_error=0.03)).reasons == ()


@pytest.mark.parametrize(("fp32", "refused"), [(0.903, False), (0.9031, True)])
def test_a_loss_to_int8_above_three_tenths_of_a_point_is_refused(
    stage: Stage, fp32: float, refused: bool
) -> None:
    stage.edit(
        stage.candidate,
        lambda lock: lock["metrics"].update(fp32={**lock["metrics"]["fp32"], "accuracy": fp32}),
    )
    reasons = stage.judge().reasons
    assert reasons == (("INT8: accuracy 0.9000 against 0.9031 of FP32",) if refused else ())


def test_a_lock_that_claims_more_than_is_measured_here_does_not_help(stage: Stage) -> None:
    better = {"n": 3 * ROWS, "accuracy": 0.95, "macro_f1": 0.95}
    stage.edit(stage.candidate, lambda lock: lock["metrics"].update(fp32=better, int8=better))
    assert [reason[:22] for reason in stage.judge().reasons] == [
        "INT8: accuracy 0.9000 ",
        "INT8: macro_f1 0.9000 ",
    ]


def test_figures_of_other_dev_files_are_refused(stage: Stage) -> None:
    stage.edit(stage.candidate, lambda lock: lock["metrics"]["fp32"].update(n=17))
    assert stage.judge().reasons == (
        "INT8: the lock's figures are of 17 texts, the dev files hold 600",
    )


def test_an_unfair_candidate_is_refused(stage: Stage) -> None:
    stage.models[stage.candidate] = answering(lambda text: text.endswith("0") or "Molly" in text)
    strict = replace(LENIENT, fairness=replace(LENIENT.fairness, names=FairnessLimits().names))
    reasons = stage.judge(strict).reasons
    assert reasons
    assert all(reason.startswith("fairness: names") for reason in reasons)
    assert not stage.judge(strict).measured["fairness"]


def test_worse_aspects_are_refused(stage: Stage) -> None:
    stage.edit(stage.candidate, lambda lock: lock["metrics"]["aspects"].update(accuracy=0.75))
    assert stage.judge().reasons == ()
    stage.edit(stage.candidate, lambda lock: lock["metrics"]["aspects"].update(accuracy=0.7499))
    assert stage.judge().reasons == ("aspects: accuracy falls from 0.7600 to 0.7499",)


def test_aspects_are_found_by_domain_too_and_must_not_vanish(stage: Stage) -> None:
    for folder, accuracy in ((stage.target, 0.8), (stage.candidate, 0.7)):
        by_domain = {"laptop": {"accuracy": accuracy}, "restaurant": {"accuracy": 0.8}}
        stage.edit(folder, partial(_set_aspects, by_domain))
    assert stage.judge().reasons == ("aspects: laptop accuracy falls from 0.8000 to 0.7000",)
    stage.edit(stage.candidate, lambda lock: lock["metrics"].pop("aspects"))
    assert [reason[:33] for reason in stage.judge().reasons] == [
        "aspects: the artefact in service "
    ]
    stage.edit(stage.target, lambda lock: lock["metrics"].pop("aspects"))
    assert stage.judge().reasons == ()


def test_an_old_name_is_refused(stage: Stage) -> None:
    version = read_lock(stage.target).version
    stage.edit(stage.candidate, lambda lock: lock.update(version=version))
    reasons = stage.judge().reasons
    assert len(reasons) == 1
    assert reasons[0].startswith(f"version: {version} is the name of")


def test_too_many_bytes_are_refused_counting_the_others(stage: Stage) -> None:
    own = sum(file.bytes for file in read_lock(stage.candidate).files.values())
    assert stage.judge(replace(LENIENT, artifacts_bytes=own)).reasons == ()
    reasons = stage.judge(replace(LENIENT, artifacts_bytes=own - 1)).reasons
    assert reasons == (f"size: all artefacts together are {own} bytes, above {own - 1}",)
    neighbour = stage.target.with_name("fast")
    shutil.copytree(stage.target, neighbour)
    judgement = judge_candidate(
        stage.candidate,
        Tier.FULL,
        [stage.dev],
        [],
        replace(LENIENT, artifacts_bytes=own + 100),
        target=stage.target,
        shipped=[stage.target, neighbour],
        statements=statements(),
    )
    assert [reason[:30] for reason in judgement.reasons] == ["size: all artefacts together a"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / LOCK_FILE).unlink(), "not a readable lock"),
        (lambda folder: (folder / "NOTICE.md").unlink(), r"NOTICE.md: missing"),
        (lambda folder: (folder / TOKENIZER_FILE).write_text("{}"), "tokenizer.json: differs"),
    ],
)
def test_files_that_do_not_match_the_lock_are_refused(
    stage: Stage, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(stage.candidate)
    judgement = stage.judge()
    assert len(judgement.reasons) == 1
    assert judgement.reasons[0].startswith("lock: ")
    assert message in judgement.reasons[0]


@pytest.mark.parametrize("name", ["fp32", "int8", "calibration_error", "calibrated"])
def test_an_incomplete_lock_is_refused(stage: Stage, name: str) -> None:
    stage.edit(stage.candidate, lambda lock: lock["metrics"].pop(name))
    assert f"incomplete, lacks metrics.{name}" in stage.judge().reasons[0]


def test_a_lock_without_the_notice_is_refused(stage: Stage) -> None:
    stage.edit(stage.candidate, lambda lock: lock["files"].pop("NOTICE.md"))
    assert "incomplete, lacks NOTICE.md" in stage.judge().reasons[0]


# Taking the place


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_promoted_artefact_is_the_candidate_with_its_fairness_figures(stage: Stage) -> None:
    (stage.candidate / "notes.txt").write_text("not part of the artefact")
    judgement = stage.judge()
    assert judgement.fairness is not None
    install(stage.candidate, Tier.FULL, judgement.fairness, stage.target)
    lock = read_lock(stage.target)
    assert lock.version == "candidate-2"
    assert set(contents(stage.target)) == {*lock.files, LOCK_FILE}
    assert lock.files == read_lock(stage.candidate).files
    assert lock.metrics["fairness"]["names"]["all"]["pairs"] == 3
    assert "fairness" not in read_lock(stage.candidate).metrics
    assert [path.name for path in stage.target.parent.iterdir()] == ["full"]


def test_a_candidate_that_changed_meanwhile_leaves_the_old_one_whole(stage: Stage) -> None:
    judgement, before = stage.judge(), contents(stage.target)
    assert judgement.fairness is not None
    (stage.candidate / MODEL_FILE).write_bytes(b"half")
    with pytest.raises(ArtifactError, match="differs"):
        install(stage.candidate, Tier.FULL, judgement.fairness, stage.target)
    assert contents(stage.target) == before
    assert [path.name for path in stage.target.parent.iterdir()] == ["full"]


def test_every_artefact_of_the_repository_is_counted() -> None:
    folders = promotion.shipped_folders()
    assert promotion.shipped_folder(Tier.FULL) in folders
    assert len(set(folders)) == len(folders)
