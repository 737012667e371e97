"""Measured processes, started for real, and the order in which they take turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.performance.api.figures import MeasurementError
from tests.performance.api.rounds import paired
from tests.performance.api.subject import OURS, Subject, bare, started

CODE = """
import os
from pathlib import Path

def note():
    print("this goes nowhere")
    with Path(os.environ["NOTES"]).open("a") as notes:
        notes.write(os.environ["NAME"])
    return os.environ["NAME"]

def fail():
    raise ValueError("this is what went wrong")

def operations():
    return {"note": note, "fail": fail, "leave": lambda: os._exit(3)}
"""

Start = Callable[[str], Subject]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


@pytest.fixture
def start(tmp_path: Path, notes: Path) -> Iterator[Start]:
    code = tmp_path / "subject.py"
    code.write_text(CODE)
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(
            started(name, bare(), code, {"NAME": name, "NOTES": str(notes)}, tmp_path)
        )


def test_what_a_subject_prints_does_not_get_between(start: Start) -> None:
    assert start("a").answer("note") == "a"


def test_a_run_calls_as_often_as_it_is_told_to(start: Start, notes: Path) -> None:
    turn = start("a").run("note", 7)
    assert notes.read_text() == "aaaaaaa"
    assert turn.wall > 0
    assert turn.cpu >= 0


def test_what_fails_is_told(start: Start) -> None:
    subject = start("a")
    with pytest.raises(MeasurementError, match="this is what went wrong"):
        subject.run("fail", 1)
    assert subject.answer("note") == "a"


def test_a_subject_that_ends_is_told(start: Start) -> None:
    with pytest.raises(MeasurementError, match="a ended"):
        start("a").answer("leave")


def test_each_round_begins_with_another_one(start: Start, notes: Path) -> None:
    subjects = [start(name) for name in "abc"]
    turns = paired([(subject, "note") for subject in subjects], rounds=3, seconds=0.0)
    assert [len(each) for each in turns] == [3, 3, 3]
    calls = notes.read_text()
    order = "".join(name for place, name in enumerate(calls) if calls[place - 1 : place] != name)
    # The round that warms up begins with the last one.
    assert order == "cab" + "abc" + "bca" + "cab"


def test_a_bare_interpreter_has_no_packages_of_ours(tmp_path: Path) -> None:
    code = tmp_path / "subject.py"
    code.write_text(
        "import importlib.util\n"
        "def operations():\n"
        "    return {'find': lambda: bool(importlib.util.find_spec('pydantic'))}\n"
    )
    found = []
    for python in (OURS, bare()):
        with started("subject", python, code, {}, tmp_path) as subject:
            found.append(subject.answer("find"))
    assert found == [True, False]
