"""`python -m models.sentiment promote`, with the real artefact and a few texts."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customerai_static import ARTIFACT as STATIC
from models.artifacts import LOCK_FILE, MODEL_FILE, lock_file
from models.sentiment.commands import main
from models.sentiment.commands import promote as command
from models.sentiment.fairness.limits import AxisLimits, FairnessLimits
from models.sentiment.fairness.swaps import Comparison, comparisons
from models.sentiment.lock import read_lock
from models.sentiment.notice import NOTICE_FILE, lineage_sources, notice
from models.sentiment.predictor import ARTIFACT
from models.sentiment.promotion_limits import PromotionLimits
from models.sentiment.settings import TrainSettings

TEXTS = ("I love it, it is perfect.", "I hate it, it is awful.", "Perfect, thank you so much.")
LABELS = (2, 0, 2)
MARKED = [
    {"sentence": sentence, "aspect": aspect, "label": label, "domain": "inn", "split": "test"}
    for sentence, aspect, label in (
        ("The $T$ was cold.", "soup", 0),
        ("We loved the $T$.", "terrace", 2),
    )
]
NEW = "a-new-name-1"
_ANYTHING = FairnessLimits(*[AxisLimits(1.0, 1.0, 2.0, 2.0, 2.0)] * 6)
LENIENT = PromotionLimits(calibration_error=1.0, fairness=_ANYTHING, static_fairness=_ANYTHING)
"""A few texts say little."""


def statements() -> list[Comparison]:
    """Each axis, with one statement in a few wordings."""
    first = {comparison.axis: comparison for comparison in reversed(comparisons())}
    return [one._replace(variants=one.variants[:3]) for one in first.values()]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ARTIFACT, tmp_path / "service" / "full"))


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    """The real artefact under another name, its figures those of the texts above."""
    folder = Path(shutil.copytree(ARTIFACT, tmp_path / "candidate"))
    lock = json.loads((folder / LOCK_FILE).read_text())
    lock["version"] = NEW
    (folder / NOTICE_FILE).write_text(notice(NEW, lineage_sources(lock["training"])))
    lock["files"][NOTICE_FILE] = asdict(lock_file(folder / NOTICE_FILE))
    files = TrainSettings().dev_files
    figures = {
        "n": len(TEXTS) * len(files),
        "accuracy": 1.0,
        "macro_f1": 1.0,
        "sources": {name: {"n": len(TEXTS), "accuracy": 1.0} for name in files},
    }
    lock["metrics"] |= {"fp32": figures, "int8": figures}
    (folder / LOCK_FILE).write_text(json.dumps(lock))
    return folder


@pytest.fixture
def arguments(
    candidate: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The whole call; limits are lenient where a few texts say little."""
    data = tmp_path / "data"
    data.mkdir()
    for name in TrainSettings().dev_files:
        columns = {"text": TEXTS, "label": LABELS, "source": [name] * len(TEXTS)}
        pq.write_table(pa.table(columns), data / name)
    pq.write_table(pa.Table.from_pylist(MARKED), data / TrainSettings().aspects_file)
    monkeypatch.setattr(command, "comparisons", statements)
    monkeypatch.setattr(command, "PromotionLimits", lambda: LENIENT)
    return ["promote", str(candidate), "--data", str(data), "--artifact", str(target)]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_it_checks_then_promotes_then_refuses_the_same_name(
    arguments: list[str], target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(target)
    assert main([*arguments, "--check"]) == 0
    assert json.loads(capsys.readouterr().out)["promoted"] is False
    assert contents(target) == before

    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("run `python -m models.sentiment cascade` on the dev files")
    printed = json.loads(captured.out)
    assert printed["promoted"] is True
    assert printed["aspects"]["all"]["aspects"] == len(MARKED)
    assert (printed["model"], printed["tier"]) == (NEW, "full")
    assert read_lock(target).version == NEW
    assert read_lock(target).metrics["fairness"]["names"]["all"]["pairs"] == 3

    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith(f"refused: version: {NEW} is the name of")
    assert captured.err.count("\n") == 1
    assert json.loads(captured.out)["promoted"] is False


def test_a_broken_candidate_is_refused_with_one_line_and_code_1(
    arguments: list[str], candidate: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(target)
    (candidate / MODEL_FILE).write_bytes(b"")
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("refused: lock: ")
    assert captured.err.count("\n") == 1
    assert contents(target) == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (TrainSettings().dev_files[0], "no such file"),
        (TrainSettings().aspects_file, "not a readable Parquet file"),
    ],
)
def test_missing_files_are_an_error_of_the_call(
    arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    message: str,
) -> None:
    (tmp_path / "data" / name).unlink()
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_an_accepted_unfairness_is_printed_and_kept(
    arguments: list[str],
    target: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    impossible = replace(LENIENT.fairness.names, mean_shift=-1.0)
    limits = replace(LENIENT, fairness=replace(LENIENT.fairness, names=impossible))
    monkeypatch.setattr(command, "PromotionLimits", lambda: limits)
    assert main(arguments) == 1
    assert capsys.readouterr().err.startswith("refused: fairness: names: mean shift")

    assert main([*arguments, "--accept-unfair", "version 1 is further beyond it"]) == 0
    captured = capsys.readouterr()
    breach, why, *_ = captured.err.splitlines()
    assert breach.startswith("unfair, accepted: names: mean shift")
    assert why == "unfair, accepted because: version 1 is further beyond it"
    kept = read_lock(target).metrics["fairness_accepted"]
    assert kept == json.loads(captured.out)["accepted_unfair"]
    assert kept["in_service_breaches"]


def test_no_reason_is_no_acceptance(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*arguments, "--accept-unfair", " "])
    assert "give a reason that others can read" in capsys.readouterr().err


def test_the_static_tier_is_promoted_with_its_fairness_figures(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(STATIC, tmp_path / "static"))
    served = Path(shutil.copytree(STATIC, tmp_path / "service" / "static"))
    lock = json.loads((folder / LOCK_FILE).read_text())
    (folder / NOTICE_FILE).write_text(notice(NEW, lineage_sources(lock["training"])))
    lock["files"][NOTICE_FILE] = asdict(lock_file(folder / NOTICE_FILE))
    (folder / LOCK_FILE).write_text(json.dumps(lock | {"version": NEW}))
    given = ["promote", str(folder), *arguments[2:4], "--artifact", str(served), "--tier", "static"]
    assert main(given) == 0
    captured = capsys.readouterr()
    assert "run `python -m models.sentiment cascade`" in captured.err
    assert json.loads(captured.out)["tier"] == "static"
    promoted = json.loads((served / LOCK_FILE).read_text())
    assert promoted["version"] == NEW
    assert promoted["metrics"]["fairness"]["dialect"]["all"]["pairs"]
