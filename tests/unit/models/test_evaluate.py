"""`python -m models.sentiment evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customerai.domain.analysis import RequestedTier
from models.sentiment.commands import main
from models.sentiment.lock import read_lock
from models.sentiment.predictor import SentimentPredictor
from models.sentiment.tiers import ARTIFACTS, load_tier

COLUMNS: dict[str, list[object]] = {
    "text": [
        "The lamp arrived broken and nobody cares. Awful.",
        "My order number is 31.",
        "What a delightful little lamp!",
        "Dreadful quality, avoid.",
        "Superb, five stars from me.",
    ],
    "label": [0, 1, 2, 0, 2],
    "source": ["letters", "letters", "letters", "cards", "cards"],
    "binary": [False, False, False, True, True],
}


def write(path: Path, **columns: list[object]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_exactly_one_json_object_with_a_breakdown_by_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(write(tmp_path / "own.parquet", **COLUMNS))]) == 0
    output = json.loads(capsys.readouterr().out)
    assert output["tier"] == "full"
    assert output["model"] == read_lock(ARTIFACTS / "full").version
    assert output["n"] == 5
    assert 0.6 <= output["accuracy"] <= 1
    assert 0.6 <= output["macro_f1"] <= 1
    assert 0.6 <= output["macro_recall"] <= 1
    assert set(output["sources"]) == {"cards", "letters"}
    cards = output["sources"]["cards"]
    assert (cards["n"], cards["accuracy"], cards["macro_recall"]) == (2, 1.0, 1.0)
    assert 0 < cards["ece"] < 0.5
    assert output["sources"]["letters"]["n"] == 3


def test_source_and_binary_may_be_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "own.parquet", text=COLUMNS["text"], label=COLUMNS["label"])
    assert main(["evaluate", str(file)]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {
        "model",
        "tier",
        "n",
        "accuracy",
        "macro_f1",
        "macro_recall",
        "ece",
    }


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": ["a"]}, "missing column(s) label"),
        ({"label": [1]}, "missing column(s) text"),
        ({"text": ["a", None], "label": [1, 1]}, "column text must hold strings"),
        ({"text": ["a"], "label": [3]}, "column label must hold class indexes"),
        ({"text": ["a"], "label": ["positive"]}, "column label must hold class indexes"),
        ({"text": ["a"], "label": [1], "binary": [True]}, "cannot be labelled neutral"),
    ],
)
def test_a_file_of_other_columns_is_refused_on_stderr(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    columns: dict[str, list[object]],
    message: str,
) -> None:
    assert main(["evaluate", str(write(tmp_path / "own.parquet", **columns))]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err


def test_a_missing_file_and_a_file_that_is_no_parquet_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(tmp_path / "absent.parquet")]) == 2
    assert "no such file" in capsys.readouterr().err
    (tmp_path / "text.parquet").write_text("text,label\na,1\n")
    assert main(["evaluate", str(tmp_path / "text.parquet")]) == 2
    assert "not a readable Parquet file" in capsys.readouterr().err


@pytest.mark.parametrize("tier", ["full", "fast", "static", "cascade"])
def test_a_missing_artefact_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tier: str
) -> None:
    assert main(["evaluate", "own.parquet", "--tier", tier, "--artifact", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "not a readable lock" in captured.err


def test_a_tier_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", "own.parquet", "--tier", "huge"])
    assert "huge" in capsys.readouterr().err


def test_the_full_tier_is_the_predictor(predictor: SentimentPredictor) -> None:
    full = load_tier(RequestedTier.FULL, workers=1)
    texts = ["Superb, five stars from me."]
    assert full.version == predictor.version
    assert np.allclose(full.probabilities(texts), predictor.probabilities(texts))
    full.close()
