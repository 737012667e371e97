"""The command line."""

from __future__ import annotations

import pytest

from tests.performance.serving.budget import estimate
from tests.performance.serving.plan import NAMES, Plan, parse


def test_by_default_everything_is_measured() -> None:
    assert parse([]) == Plan()
    assert Plan().only == NAMES


def test_quick_is_one_short_round_and_may_be_made_longer() -> None:
    quick = parse(["--quick"])
    assert (quick.rounds, quick.tuning_seconds) == (1, 0)
    assert quick.seconds < Plan().seconds
    assert parse(["--quick", "--seconds", "7"]).seconds == 7


def test_what_is_asked_for() -> None:
    plan = parse(["--only", "ours,litserve", "--concurrency", "32,1", "--deadline-ms", "250"])
    assert plan.only == ("ours", "litserve")
    assert plan.peers == ["litserve"]
    assert plan.concurrency == (1, 32)
    assert plan.deadline == 0.25


@pytest.mark.parametrize(
    "arguments",
    [
        ["--only", "ours,triton"],
        ["--concurrency", "0"],
        ["--concurrency", "a"],
        ["--seconds", "0"],
        ["--seconds", "inf"],
        ["--rounds", "0"],
        ["--deadline-ms", "-1"],
    ],
)
def test_what_cannot_be_done(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(arguments)
    assert left.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_a_quick_run_is_not_checked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(["--quick", "--check"])
    assert left.value.code == 2
    assert "untried" in capsys.readouterr().err


@pytest.mark.parametrize("cores", [1, 2])
def test_a_default_run_takes_about_ten_minutes(cores: int) -> None:
    assert 300 < estimate(parse([]), cores) <= 630


def test_less_is_estimated_to_take_less() -> None:
    assert estimate(parse(["--quick"]), 2) < 60
    assert estimate(parse(["--only", "ours"]), 2) < estimate(parse([]), 2) / 3
    assert estimate(parse(["--rounds", "1"]), 2) < estimate(parse([]), 2)
