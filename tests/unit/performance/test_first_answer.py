"""From starts to figures, and what a bundle has to hold."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.performance.first_answer import (
    Figures,
    Start,
    bundled,
    commands,
    figures,
    megabytes,
    show,
    targets,
)

LOCK = {"version": "m-1", "labels": ["bad", "good"], "window_tokens": 128}


def with_artefact(bundle: Path, tier: str = "full") -> Path:
    folder = bundle / "models" / "sentiment" / "artifact" / tier
    folder.mkdir(parents=True)
    (folder / "artifact.lock.json").write_text(json.dumps(LOCK))
    return folder


def test_figures_are_medians_beside_the_worst() -> None:
    found = figures("m-1", [Start(0.3, 0.4), Start(0.9, 0.6), Start(0.4, 0.5)])
    assert found == Figures("m-1", wall=0.4, wall_longest=0.9, cpu=0.5, starts=3)


@pytest.mark.parametrize(
    ("wall", "size", "met"),
    [(0.499, 130.0, [True, True]), (0.5, 130.1, [False, False])],
)
def test_each_target_has_its_limit(wall: float, size: float, met: list[bool]) -> None:
    found = {"ours": figures("m-1", [Start(wall, 0.1)])}
    assert [entry.met for entry in targets(found, size)] == met


def test_what_was_not_measured_is_not_met() -> None:
    assert [entry.met for entry in targets({}, 1.0)] == [False, True]


def test_a_bundle_is_as_large_as_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "one").write_bytes(bytes(1_500_000))
    (tmp_path / "deep" / "er" / "two").write_bytes(bytes(500_000))
    assert megabytes(tmp_path) == 2.0


def test_the_artefact_is_the_bundles_own(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make serving-bundle"):
        bundled(tmp_path / "nowhere")
    folder = with_artefact(tmp_path)
    assert (bundled(tmp_path).folder, bundled(tmp_path).version) == (folder, "m-1")
    with_artefact(tmp_path, "fast")
    with pytest.raises(FileNotFoundError, match="2 artefacts"):
        bundled(tmp_path)


def test_the_bundle_starts_without_our_packages_and_the_peer_with_the_same_artefact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = with_artefact(tmp_path)
    monkeypatch.setattr("tests.performance.first_answer.free_port", lambda: 8081)
    for name in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "SERVING_MODELS"):
        monkeypatch.setenv(name, "1")
    ours, peer = commands(tmp_path, Path("peer-python"))
    assert ours.folder == tmp_path
    assert not [name for name in ours.environment if name.startswith(("PYTHON", "SERVING_"))]
    assert ours.line[1:3] == ["-m", "models.serving"]
    assert peer.line[0] == "peer-python"
    assert peer.environment["BENCH_ARTIFACT"] == str(folder)
    assert "PYTHONDONTWRITEBYTECODE" not in peer.environment
    assert [entry.name for entry in commands(tmp_path, None)] == ["ours"]


def test_each_row_says_what_it_was_measured_on() -> None:
    printed = StringIO()
    report = {
        "servers": {
            "ours": {"artefact": "m-1", "wall": 0.4, "wall_longest": 0.5, "cpu": 0.3, "starts": 10}
        },
        "absent": {"fastapi": "no such package"},
        "targets": [{"what": "w", "value": None, "sign": "<", "limit": 0.5, "met": False}],
        "machine": {"processor": "Abacus 9", "cores": 2},
    }
    show(report, Console(file=printed, width=120))
    (row,) = [line for line in printed.getvalue().splitlines() if "ours" in line]
    assert "m-1" in row
    assert "Abacus 9 × 2" in row
    assert "no such package" in printed.getvalue()
    assert "w: not measured, target < 0.5: missed" in printed.getvalue()
