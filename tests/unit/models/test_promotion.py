"""What a candidate is refused for, and how it takes the place of the artefact in service."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from customerai.domain.analysis import Tier
from models.artifacts import LOCK_FILE, MODEL_FILE, TOKENIZER_FILE, ArtifactError, lock_file
from models.sentiment.in_service import shipped_folder, shipped_folders
from models.sentiment.lock import read_lock
from models.sentiment.notice import NOTICE_FILE
from models.sentiment.promotion import install, judge_candidate
from tests.unit.models.promotion_stage import (
    BAD,
    GOOD,
    LENIENT,
    ROWS,
    Stage,
    answering,
    aspect_figures,
    contents,
    ends_with,
    set_up,
    statements,
    write_texts,
)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return set_up(tmp_path, monkeypatch)


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
    assert stage.judge().reasons == (
        "INT8: accuracy 0.9000 against 0.9500 of FP32",
        "INT8: macro_f1 0.9000 against 0.9500 of FP32",
        f"INT8: accuracy 0.9000 against 0.9500 of FP32 on {stage.dev}",
    )


def test_figures_of_other_dev_files_are_refused(stage: Stage) -> None:
    stage.edit(stage.candidate, lambda lock: lock["metrics"]["fp32"].update(n=17))
    assert stage.judge().reasons == (
        "INT8: the lock's figures are of 17 texts, the dev files hold 600",
    )


def test_int8_may_lose_a_little_more_on_one_file_but_not_much(stage: Stage, tmp_path: Path) -> None:
    """All is well on both files together; on the smaller one INT8 has lost all that it lost."""
    letters = [f"{BAD}, letter {row}" for row in range(100)]
    other = write_texts(tmp_path / "other.parquet", letters, "other")
    write_texts(stage.dev, [f"{GOOD}, number {row}" for row in range(3 * ROWS)], "dev")
    stage.models[stage.candidate] = answering(lambda text: "letter" in text and text.endswith("7"))
    figures = {"n": 700, "accuracy": 0.9857, "macro_f1": 0.649}
    of_dev = {"n": 600, "accuracy": 1.0}

    def reasons_if_fp32_had(accuracy: float) -> tuple[str, ...]:
        fp32 = {**figures, "sources": {"dev": of_dev, "other": {"n": 100, "accuracy": accuracy}}}
        stage.edit(stage.candidate, lambda lock: lock["metrics"].update(fp32=fp32, int8=fp32))
        return stage.judge(replace(LENIENT, most_lost=1.0), dev=[stage.dev, other]).reasons

    # 0.3 points, and 1.645 standard deviations where three texts in a hundred change sides.
    assert LENIENT.lost_to_int8_on(100) == pytest.approx(0.0315, abs=1e-4)
    assert reasons_if_fp32_had(0.93) == ()
    assert reasons_if_fp32_had(0.94) == (
        f"INT8: accuracy 0.9000 against 0.9400 of FP32 on {other}",
    )


def test_a_file_without_figures_in_the_lock_is_refused(stage: Stage) -> None:
    write_texts(stage.dev, [f"{GOOD}, number {row}" for row in range(3 * ROWS)], "unheard of")
    assert f"INT8: the lock has no figures of the sources in {stage.dev}" in stage.judge().reasons


@pytest.mark.parametrize(
    ("after", "refused"),
    [
        ((0.69, 0.79), []),
        ((0.6899, 0.8), ["aspects: span F1, all, falls from 0.7000 to 0.6899"]),
        ((0.75, 0.7899), ["aspects: accuracy, all, falls from 0.8000 to 0.7899"]),
    ],
)
def test_worse_aspects_are_refused(
    stage: Stage, after: tuple[float, float], refused: list[str]
) -> None:
    stage.aspects[stage.candidate] = {"all": aspect_figures(*after)}
    judgement = stage.judge()
    assert list(judgement.reasons) == refused
    assert judgement.measured["aspects"]["all"]["span_f1"] == after[0]


def test_a_domain_is_granted_more_because_it_is_smaller(stage: Stage) -> None:
    for folder, laptop in ((stage.target, 0.7), (stage.candidate, 0.67)):
        together = aspect_figures(0.7, 0.8)
        stage.aspects[folder] = {"all": together, "laptop": aspect_figures(laptop, 0.8)}
    assert stage.judge().reasons == ()
    stage.aspects[stage.candidate]["laptop"]["span_f1"] = 0.6699
    assert stage.judge().reasons == ("aspects: span F1, laptop, falls from 0.7000 to 0.6699",)


def test_aspects_must_not_vanish_and_may_be_new(stage: Stage) -> None:
    of_candidate = stage.aspects.pop(stage.candidate)
    assert stage.judge().reasons == (
        "aspects: the artefact in service finds aspects, the candidate does not",
    )
    stage.aspects[stage.candidate] = of_candidate
    del stage.aspects[stage.target]
    assert stage.judge().reasons == ()


def test_a_notice_that_leaves_something_out_is_refused(stage: Stage) -> None:
    text = (stage.candidate / NOTICE_FILE).read_text().replace("aspects_semeval14", "nothing")
    (stage.candidate / NOTICE_FILE).write_text(text)
    entry = asdict(lock_file(stage.candidate / NOTICE_FILE))
    stage.edit(stage.candidate, lambda lock: lock["files"].update({NOTICE_FILE: entry}))
    (reason,) = stage.judge().reasons
    assert reason.startswith("NOTICE.md: is not what the lock says that the model learned from")
    assert f"`python -m models.sentiment notice {stage.candidate}`" in reason


def test_a_fast_candidate_stays_near_full_on_every_file(stage: Stage, tmp_path: Path) -> None:
    full = Path(shutil.copytree(stage.target, tmp_path / "the tier full"))
    stage.models[full] = answering(lambda text: False)
    judgement = stage.judge(tier=Tier.FAST, full=full)
    assert judgement.reasons == (
        f"fast: accuracy 0.9000 on {stage.dev} is more than 0.025 below the 1.0000 of full",
    )
    assert judgement.measured["full"] == {str(stage.dev): 1.0}
    assert stage.judge(tier=Tier.FULL, full=full).reasons == ()
    assert stage.judge(tier=Tier.FAST, full=tmp_path / "absent").reasons == ()
    stage.models[full] = answering(lambda text: text.endswith(("0", "5")) and BAD in text)
    assert stage.judge(replace(LENIENT, below_full=0.04), tier=Tier.FAST, full=full).reasons == ()


def test_an_old_name_is_refused(stage: Stage) -> None:
    version = read_lock(stage.target).version
    stage.lock_files(stage.candidate, version=version)
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
    folders = shipped_folders()
    assert shipped_folder(Tier.FULL) in folders
    assert len(set(folders)) == len(folders)
