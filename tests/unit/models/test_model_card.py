"""The model card states what was measured, and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from models.sentiment.card import CARD, TABLES, Lock, UnknownTableError, read_locks, render
from models.sentiment.commands import compare
from models.sentiment.lock import read_lock
from models.sentiment.predictor import ARTIFACT

TEXT = CARD.read_text(encoding="utf-8")


def test_every_table_of_the_card_is_what_the_locks_say() -> None:
    assert render(TEXT, read_locks()) == TEXT


def test_the_card_has_every_table() -> None:
    assert all(f"<!-- table: {name} -->" in TEXT for name in TABLES)


def test_the_card_is_about_the_committed_version() -> None:
    assert TEXT.startswith(f"# Model card: {read_locks()['full']['version']}\n")


def test_another_figure_in_a_lock_is_another_card() -> None:
    locks = read_locks()
    locks["full"]["metrics"]["calibrated"]["accuracy"] = 0.1234
    assert "0.1234" in render(TEXT, locks)
    assert "0.1234" not in TEXT


def test_an_unknown_table_is_refused_by_name() -> None:
    with pytest.raises(UnknownTableError, match="latency: not one of"):
        render("<!-- table: latency -->\n<!-- end -->", {})


# Tables of what not every lock has


def locks(full: dict[str, Any], **others: dict[str, Any]) -> dict[str, Lock]:
    empty: dict[str, Any] = {"version": "full-1", "metrics": {}, "training": {}}
    return {"full": empty | full, **{tier: empty | lock for tier, lock in others.items()}}


def table(name: str, of: dict[str, Lock]) -> list[str]:
    text = render(f"<!-- table: {name} -->\nold\n<!-- end -->", of)
    return text.splitlines()[1:-1]


@pytest.mark.parametrize("name", ["fairness", "unfair", "compression", "cascade", "students"])
def test_figures_that_are_not_there_make_no_table(name: str) -> None:
    static = {"cascade": {"sure_above": 2.0}}
    assert table(name, locks({})) == []
    assert table(name, locks({}, static=static)) == []


def test_fairness_is_of_every_tier_that_has_figures() -> None:
    movement = {"pairs": 4, "flip_rate": 0.25, "mean_shift": 0.1, "p95_shift": 0.2}
    whole = {**movement, "most_shift": 0.3, "bias": 0.0}
    groups = {"she": {"bias": 0.01}, "they": {"bias": -0.05}}
    measured = {"metrics": {"fairness": {"pronouns": {"all": whole, "groups": groups}}}}
    rows = table("fairness", locks(measured, fast={}, static=measured))
    assert rows[2:] == [
        f"| {tier} | pronouns | 4 | 0.2500 | 0.1000 | 0.2000 | 0.3000 | -0.0500 | they |"
        for tier in ("full", "static")
    ]


def test_what_was_accepted_is_told_with_its_reason() -> None:
    accepted = {"reason": "version 1 is worse", "breaches": ["names: flip rate", "dialect: bias"]}
    rows = table("unfair", locks({}, fast={"metrics": {"fairness_accepted": accepted}}))
    assert rows[-2:] == [
        "| fast | names: flip rate | version 1 is worse |",
        "| fast | dialect: bias | version 1 is worse |",
    ]


def test_compression_is_what_compare_kept_in_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = {"n": 3, "accuracy": 0.9, "macro_f1": 0.8, "ece": 0.02}
    row = {
        "bytes": 22_800_000,
        "temperature": 1.0,
        "dev": {"dev.parquet": measured | {"sources": {"a": measured}}},
        "latency_p50_ms": 3.14,
        "texts_per_s": 271.8,
        "speed_ratio": 2.5,
    }
    artifact = Path(shutil.copytree(ARTIFACT, tmp_path / "artifact"))
    monkeypatch.setattr(compare, "_machine", lambda: "a processor without VNNI")
    compare._keep(artifact, {"fp32_weights": "a checkpoint", "formats": {"int8": row}})
    kept = json.loads((artifact / "artifact.lock.json").read_text())
    assert read_lock(artifact).metrics["compression"]["formats"]["int8"]["speed_ratio"] == 2.5
    rows = table("compression", {"full": kept})
    assert rows[-3:] == [
        "| int8 | 22.8 | dev.parquet | 3 | 0.9000 | 0.8000 | 0.0200 | 3.14 | 272 | 2.50 |",
        "",
        "FP32 is a checkpoint; one thread of a processor without VNNI.",
    ]


def test_the_machine_has_a_name() -> None:
    assert compare._machine()


def test_a_cascade_is_shown_for_the_two_versions_in_service_only() -> None:
    outcome = {"n": 5, "answered_by_static": 0.7, "accuracy": 0.85, "accuracy_of_full": 0.86}
    kept = {
        "sure_above": 0.72,
        "static": "static-1",
        "full": "full-1",
        **outcome,
        "lost": 0.01,
        "files": {"dev.parquet": outcome | {"n": 3, "lost": 0.004}},
        "cost_of_static": 0.005,
        "cost_of_cascade": 0.25,
    }
    static = {"version": "static-1", "cascade": kept}
    rows = table("cascade", locks({}, static=static))
    assert rows[4:] == [
        "| dev.parquet | 3 | 0.7000 | 0.8500 | 0.8600 | 0.0040 |",
        "| all | 5 | 0.7000 | 0.8500 | 0.8600 | 0.0100 |",
        "",
        (
            "`static` answers from 0.72 on. Processor time of a text against `full`: "
            "`static` 0.0050, the cascade 0.2500."
        ),
    ]
    assert table("cascade", locks({"version": "full-2"}, static=static)) == []
    assert table("cascade", locks({}, static=static | {"version": "static-2"})) == []


def test_runs_and_students_come_from_the_locks() -> None:
    run = {
        "version": "full-1",
        "steps": 9,
        "steps_done": 8,
        "batch_size": 4,
        "learning_rate": 6e-05,
        "aspect_every": 2,
        "emphasis": [["tweets", 3.0]],
    }
    first = {key: value for key, value in run.items() if key != "aspect_every"}
    mean = {"average": {"a.pt": 0.5, "b.pt": 0.5}}
    training = run | {"continues": [first, mean], "teacher": None}
    student = run | {"teacher": {"version": "full-1"}, "taught": 70}
    of = locks({"training": training}, fast={"training": student})
    assert table("runs", of)[2:] == [
        "| 1 | full-1 | 8 × 4 | 6e-05 | never | tweets 3 |",
        "| 2 | mean of weights |  |  |  | 0.5 × a.pt, 0.5 × b.pt |",
        "| 3 | full-1 | 8 × 4 | 6e-05 | 2 | tweets 3 |",
    ]
    assert table("students", of)[-1] == "| fast | full-1 | 8 × 4 | 70 |"
