"""What unfairness does to a promotion, and what an operator can answer for."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from customerai.domain.analysis import Tier
from models.sentiment.fairness.limits import FairnessLimits
from models.sentiment.lock import read_lock
from models.sentiment.predictor import ARTIFACT
from models.sentiment.promotion import install
from models.sentiment.promotion_limits import PromotionLimits
from tests.unit.models.promotion_stage import LENIENT, Stage, answering, aspect_figures, set_up

STRICT = replace(LENIENT, fairness=replace(LENIENT.fairness, names=FairnessLimits().names))


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return set_up(tmp_path, monkeypatch)


def minds_a_name(stage: Stage, *folders: Path) -> None:
    for folder in folders:
        stage.models[folder] = answering(lambda text: text.endswith("0") or "Molly" in text)


def test_an_unfair_candidate_is_refused(stage: Stage) -> None:
    minds_a_name(stage, stage.candidate)
    judgement = stage.judge(STRICT)
    assert judgement.reasons
    assert all(reason.startswith("fairness: names") for reason in judgement.reasons)
    assert not judgement.measured["fairness"]


def test_it_is_refused_even_where_the_old_one_is_unfair(stage: Stage) -> None:
    minds_a_name(stage, stage.candidate, stage.target)
    assert stage.judge(STRICT).reasons


def test_an_operator_may_replace_an_unfair_model_by_an_unfair_one_and_says_why(
    stage: Stage,
) -> None:
    minds_a_name(stage, stage.candidate, stage.target)
    judgement = stage.judge(STRICT, accept_unfair="it is better for everyone")
    assert judgement.reasons == ()
    assert judgement.accepted is not None
    assert judgement.accepted["breaches"] == judgement.accepted["in_service_breaches"]
    assert judgement.measured["accepted_unfair"] == judgement.accepted
    assert judgement.fairness is not None
    install(stage.candidate, Tier.FULL, judgement.fairness, stage.target, judgement.accepted)
    kept = read_lock(stage.target).metrics["fairness_accepted"]
    assert kept["reason"] == "it is better for everyone"
    assert kept["in_service"] == read_lock(ARTIFACT).version
    assert kept["breaches"]
    assert all(line.startswith("names") for line in kept["breaches"])


def test_a_fair_model_is_not_replaced_by_an_unfair_one_whatever_is_said(stage: Stage) -> None:
    minds_a_name(stage, stage.candidate)
    *breaches, why = stage.judge(STRICT, accept_unfair="I like it").reasons
    assert breaches
    assert why == "fairness: only what is unfair itself may be replaced by what is unfair"
    shutil.rmtree(stage.target)
    assert stage.judge(STRICT, accept_unfair="I like it").reasons[-1] == why


def test_nothing_is_accepted_of_a_fair_candidate_and_nothing_stays_accepted(stage: Stage) -> None:
    minds_a_name(stage, stage.target)
    stage.edit(stage.candidate, lambda lock: lock["metrics"].update(fairness_accepted={}))
    judgement = stage.judge(STRICT, accept_unfair="to be safe")
    assert (judgement.reasons, judgement.accepted) == ((), None)
    assert judgement.fairness is not None
    install(stage.candidate, Tier.FULL, judgement.fairness, stage.target, judgement.accepted)
    assert "fairness_accepted" not in read_lock(stage.target).metrics


def test_accepting_it_excuses_nothing_else(stage: Stage) -> None:
    minds_a_name(stage, stage.candidate, stage.target)
    stage.aspects[stage.candidate] = {"all": aspect_figures(0.1, 0.8)}
    (reason,) = stage.judge(STRICT, accept_unfair="it is better").reasons
    assert reason.startswith("aspects: span F1")


def test_the_static_tier_has_limits_of_its_own() -> None:
    limits = PromotionLimits()
    assert limits.fairness_of(Tier.FULL) == limits.fairness_of(Tier.FAST) == FairnessLimits()
    assert limits.fairness_of(Tier.STATIC).names.flip_rate > FairnessLimits().names.flip_rate
