"""From turns to figures, and from figures to the table and the file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.performance.api.figures import Figure, Limit, Measured, compared
from tests.performance.api.report import number, show, write

AT = datetime(2026, 11, 25, 4, 30, tzinfo=UTC)


def test_the_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    """The machine was twice as slow in the second round, for both."""
    figure = compared("n", [10.0, 20.0, 15.0], [100.0, 200.0, 100.0], "µs")
    assert (figure.value, figure.baseline, figure.ratio) == (15.0, 100.0, 0.1)
    assert figure.note == "middle half 0.1 to 0.125, 3 rounds"


def test_rounds_come_in_pairs() -> None:
    with pytest.raises(ValueError, match="zip"):
        compared("n", [1.0, 2.0], [1.0], "µs")


@pytest.mark.parametrize(
    ("limit", "ratio", "met"),
    [
        (Limit("≤", 0.125), 0.125, True),
        (Limit("≤", 0.125), 0.126, False),
        (Limit("≥", 2.0), 2.0, True),
        (Limit("≥", 2.0), 1.9, False),
        (Limit("≤", 0.125), None, False),
        (None, 0.1, None),
    ],
)
def test_a_target_holds_or_does_not(
    limit: Limit | None, ratio: float | None, met: bool | None
) -> None:
    assert Figure("n", 1.0, 1.0, ratio, "µs", limit).met is met


def test_the_file_has_each_figure_under_its_name(tmp_path: Path) -> None:
    figures = [
        Figure("get", 187.0, 2694.0, 0.069, "µs CPU", Limit("≤", 0.125), "twelve rounds"),
        Figure("size", 10.0, 20.0, 0.5, "bytes"),
    ]
    path = tmp_path / "reports" / "bench.json"
    write([Measured("single", AT, figures)], "Abacus 9 × 2", path)
    made = {"measurement": "single", "measured_at": "2026-11-25T04:30:00+00:00"}
    assert json.loads(path.read_text()) == {
        "get": {
            "value": 187.0,
            "baseline": 2694.0,
            "ratio": 0.069,
            "unit": "µs CPU",
            "target": "≤ 0.125",
            "met": True,
            "note": "twelve rounds",
            **made,
        },
        "size": {
            "value": 10.0,
            "baseline": 20.0,
            "ratio": 0.5,
            "unit": "bytes",
            "note": "",
            **made,
        },
        "machine": {
            "value": None,
            "baseline": None,
            "ratio": None,
            "unit": "",
            "note": "Abacus 9 × 2",
        },
    }


def test_what_was_not_measured_again_stays_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    before = [
        Measured("lists", AT, [Figure("list", 1.0, 2.0, 0.5, "µs"), Figure("gone", 1, 1, 1, "µs")]),
        Measured("pools", AT, [Figure("pool", 3.0, 4.0, 0.75, "µs")]),
    ]
    write(before, "Abacus", path)
    later = AT + timedelta(hours=1)
    write([Measured("lists", later, [Figure("list", 9.0, 2.0, 4.5, "µs")])], "Abacus", path)
    report = json.loads(path.read_text())
    assert {name: entry.get("measured_at") for name, entry in report.items()} == {
        "pool": "2026-11-25T04:30:00+00:00",
        "list": "2026-11-25T05:30:00+00:00",
        "machine": None,
    }
    assert report["list"]["ratio"] == 4.5
    assert report["pool"]["ratio"] == 0.75


@pytest.mark.parametrize(
    "content",
    [
        "no report",
        '{"pool": {"measurement": "pools"}, "machine": {"note": "another one"}}',
        '{"pool": {"value": 1}}',
    ],
)
def test_what_can_not_stand_beside_the_new_figures_is_left_out(
    content: str, tmp_path: Path
) -> None:
    path = tmp_path / "bench.json"
    path.write_text(content)
    write([Measured("lists", AT, [Figure("list", 1.0, 2.0, 0.5, "µs")])], "Abacus", path)
    assert set(json.loads(path.read_text())) == {"list", "machine"}


def test_the_table_says_what_is_met_and_on_which_machine() -> None:
    printed = StringIO()
    figures = [
        Figure("fast", 1.0, 10.0, 0.1, "µs", Limit("≤", 0.125)),
        Figure("slow", 1234.5, 10.0, 123.45, "µs", Limit("≤", 0.125), "[sic]"),
    ]
    show(figures, "Abacus 9 × 2", Console(file=printed, width=160))
    lines = printed.getvalue().splitlines()
    assert "Abacus 9 × 2" in lines[0]
    (fast,) = [line for line in lines if "fast" in line]
    (slow,) = [line for line in lines if "slow" in line]
    assert "met" in fast
    assert "missed" in slow
    assert "1234 " in slow
    assert "[sic]" in slow


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (0.06941, "0.0694"), (9.0, "9"), (123.456, "123")]
)
def test_numbers_have_the_digits_that_count(value: float | None, text: str) -> None:
    assert number(value) == text
