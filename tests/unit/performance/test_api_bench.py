"""The run as a whole: what is measured, what it is measured with, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.performance.api import __main__ as command
from tests.performance.api.bench import Bench
from tests.performance.api.figures import Figure, Limit, MeasurementError
from tests.performance.api.items import (
    interactions,
    new_interactions,
    pending,
    size,
    texts,
)
from tests.performance.api.measurements.compression import Compressed, paying
from tests.performance.api.registry import MEASUREMENTS, measurement

Measure = Callable[[Bench], list[Figure]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """Run with other measurements: names and what each finds."""

    def run(found: dict[str, Measure], *arguments: str) -> int:
        monkeypatch.setattr(command, "MEASUREMENTS", found)
        monkeypatch.setattr(command, "measurement", found.__getitem__)
        monkeypatch.setattr("tests.performance.serving.machine.busy_share", lambda: 0.0)
        return command.main([*arguments, "--report", str(tmp_path / "report.json")])

    return run


def figure(name: str, ratio: float) -> Figure:
    return Figure(name, ratio, 1.0, ratio, "µs", Limit("≤", 0.5))


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_each_name_is_a_measurement(name: str) -> None:
    assert callable(measurement(name))


def test_every_module_is_registered() -> None:
    folder = Path(command.__file__).parent / "measurements"
    assert {path.stem for path in folder.glob("[a-z]*.py")} == set(MEASUREMENTS.values())


def test_a_missed_target_fails_only_where_that_is_asked_for(run: Callable[..., int]) -> None:
    slow: dict[str, Measure] = {"slow": lambda _: [figure("slow", 0.6)]}
    assert run(slow) == 0
    assert run(slow, "--check") == 1
    assert run({"fast": lambda _: [figure("fast", 0.4)]}, "--check") == 0


def test_what_can_not_be_measured_fails_and_leaves_the_rest(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def unable(_: Bench) -> list[Figure]:
        raise MeasurementError("there is no such package")

    found: dict[str, Measure] = {"unable": unable, "able": lambda _: [figure("able", 0.1)]}
    assert run(found) == 1
    assert set(json.loads((tmp_path / "report.json").read_text())) == {"able", "machine"}
    assert "unable was not measured: there is no such package" in capsys.readouterr().err
    assert run(found, "--only", "able") == 0


def test_a_run_of_some_leaves_the_others_in_the_report(
    run: Callable[..., int], tmp_path: Path
) -> None:
    found: dict[str, Measure] = {
        "one": lambda _: [figure("of one", 0.1)],
        "other": lambda _: [figure("of other", 0.2)],
    }
    assert run(found) == 0
    found["one"] = lambda _: [figure("of one", 0.3)]
    assert run(found, "--only", "one", "--check") == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["of one"]["ratio"], report["of other"]["ratio"]) == (0.3, 0.2)
    assert report["of one"]["measured_at"] >= report["of other"]["measured_at"]


def test_items_are_always_the_same_and_newest_first() -> None:
    items = list(interactions(50))
    assert items == list(interactions(50))
    assert items[:20] == list(interactions(20))
    ids = [item["id"]["S"] for item in items]
    assert all(newer > older for newer, older in pairwise(ids))


def test_texts_are_as_long_as_those_of_a_customer_who_explains() -> None:
    lengths = list(map(len, texts(200)))
    assert min(lengths) >= 350
    assert max(lengths) < 500


def test_aspects_lie_where_they_say() -> None:
    for item in interactions(50):
        aspects = json.loads(item["analysis"]["S"])["aspects"]
        words = [item["text"]["S"][start:end] for start, end, *_ in aspects]
        assert len(words) == 3
        assert all(word.isalpha() for word in words)


def test_what_waits_has_no_trace_of_an_analysis() -> None:
    (item,) = interactions(1)
    waiting = pending(item)
    assert waiting["pending"] == waiting["pk"]
    assert not {"sentiment", "score", "scores", "model", "analysis", "by_sentiment"} & set(waiting)
    assert size(waiting) < size(item)


def test_new_interactions_are_ones_that_clients_may_send() -> None:
    from customerai.domain.new_interaction import NewInteraction

    for body in new_interactions(20):
        NewInteraction.model_validate(body)


def test_compression_pays_where_it_saves_more_time_on_the_line_than_it_takes() -> None:
    """625 bytes take 100 µs on the line."""
    found = {"gzip 1": Compressed(20, 5_000), "gzip 6": Compressed(90, 4_700)}
    assert paying(found, 6_250) == "gzip 1"
    assert paying(found | {"zstd 1": Compressed(5, 4_900)}, 6_250) == "zstd 1"
    assert paying(found | {"zstd 1": Compressed(5, 4_900)}, 6_250, "gzip") == "gzip 1"
    assert paying({"gzip 1": Compressed(20, 5_000)}, 5_100) is None
