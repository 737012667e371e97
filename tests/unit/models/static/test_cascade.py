"""The threshold of the cascade, and who answers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customerai.domain.analysis import RequestedTier
from customerai_static import ARTIFACT, StaticSentiment
from customerai_static.artifact import NEVER_SURE
from models.sentiment.cascade import DevFile, answer, pick, sure
from models.sentiment.commands import main
from models.sentiment.examples import Examples
from models.sentiment.lock import read_raw_lock, write_raw_lock
from models.sentiment.tiers import ARTIFACTS, load_tier


def examples(labels: Sequence[int], *, binary: bool = False) -> Examples:
    count = len(labels)
    return Examples(
        [f"text {index}" for index in range(count)],
        np.array(labels, dtype=np.int64),
        np.array(["somewhere"] * count),
        np.full(count, binary),
    )


def leaning(labels: Sequence[int], confidence: Sequence[float]) -> npt.NDArray[np.float64]:
    """Probabilities that give each label its confidence and share out the rest."""
    rows = np.repeat(((1 - np.array(confidence)) / 2)[:, None], 3, axis=1)
    rows[np.arange(len(labels)), labels] = confidence
    return rows


def one_file(
    truth: Examples, static: npt.NDArray[np.float64], full: npt.NDArray[np.float64]
) -> dict[str, DevFile]:
    return {"dev": DevFile(truth, static, full)}


def test_the_lowest_threshold_within_the_bound_is_picked() -> None:
    """The encoder is always right; the static tier errs on what it is 0.6 and 0.7 sure of."""
    truth = examples([0] * 100)
    static = leaning([0] * 98 + [2, 2], [0.9] * 50 + [0.65] * 48 + [0.7, 0.6])
    files = one_file(truth, static, leaning([0] * 100, [0.99] * 100))
    strict = pick(files, most_lost=0.0)
    assert (strict.sure_above, strict.together.answered, strict.together.lost) == (0.71, 0.5, 0.0)
    lenient = pick(files, most_lost=0.01)
    assert (lenient.sure_above, lenient.together.answered) == (0.61, 0.99)
    assert lenient.together.lost == pytest.approx(0.01)
    assert lenient.together.accuracy_of_full == 1.0
    assert lenient.files == {"dev": lenient.together}


def test_every_file_keeps_the_bound_and_not_their_mean() -> None:
    """Where the static tier is 0.8 sure it errs, but on the smaller file only: pooled with the
    larger one a loss of a tenth is one of a hundredth."""
    truth = leaning([0] * 100, [0.99] * 100)
    large = DevFile(examples([0] * 90), leaning([0] * 90, [0.8] * 90), truth[:90])
    small = DevFile(examples([0] * 10), leaning([2] + [0] * 9, [0.8] * 10), truth[:10])
    picked = pick({"large": large, "small": small}, most_lost=0.05)
    assert (picked.sure_above, picked.together.answered) == (0.81, 0.0)
    picked = pick({"large": large, "small": small}, most_lost=0.1)
    assert picked.sure_above == 0.5
    assert picked.files["small"].lost == pytest.approx(0.1)
    assert picked.files["large"].lost == 0.0
    assert picked.together.lost == pytest.approx(0.01)


def test_a_static_tier_that_is_wrong_when_sure_never_answers() -> None:
    files = one_file(
        examples([0] * 10), leaning([2] * 10, [1.0] * 10), leaning([0] * 10, [0.9] * 10)
    )
    picked = pick(files, most_lost=0.005)
    together = picked.together
    assert (picked.sure_above, together.answered, together.lost) == (NEVER_SURE, 0.0, 0.0)
    assert not sure(leaning([2], [1.0]), picked.sure_above).any()


def test_a_lucky_dip_below_a_bad_threshold_is_not_picked() -> None:
    """At 0.8 the cascade errs too often; at 0.6 errors of the encoder make up for it."""
    truth = examples([0] * 20)
    static = leaning([0] * 10 + [2] * 4 + [0] * 6, [0.95] * 10 + [0.8] * 4 + [0.6] * 6)
    full = leaning([0] * 14 + [2] * 6, [0.9] * 20)
    assert pick(one_file(truth, static, full), most_lost=0.05).sure_above == 0.81


def test_neutral_does_not_count_where_a_source_has_none() -> None:
    """The static tier is sure of "neutral", which over the known classes leans the right way."""
    truth = examples([0] * 10, binary=True)
    static = np.tile([0.15, 0.8, 0.05], (10, 1))
    picked = pick(one_file(truth, static, leaning([0] * 10, [0.9] * 10)), most_lost=0.0)
    assert (picked.sure_above, picked.together.answered) == (0.5, 1.0)


def test_the_encoder_is_asked_about_what_is_unsure_and_nothing_else() -> None:
    asked: list[str] = []

    def static(texts: Sequence[str]) -> npt.NDArray[np.float64]:
        return leaning([0] * len(texts), [float(text) for text in texts])

    def full(texts: Sequence[str]) -> npt.NDArray[np.float64]:
        asked.extend(texts)
        return leaning([2] * len(texts), [0.5] * len(texts))

    probabilities = answer(["0.9", "0.6", "0.8", "0.79"], static, full, 0.8)
    assert asked == ["0.6", "0.79"]
    assert probabilities.argmax(axis=1).tolist() == [0, 2, 0, 2]
    asked.clear()
    answer(["0.9"], static, full, 0.8)
    assert not asked


# Which two versions it holds for


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Copies of the static tier and of the encoder in service."""
    static = Path(shutil.copytree(ARTIFACT, tmp_path / "static"))
    return static, Path(shutil.copytree(ARTIFACTS / "full", tmp_path / "full"))


def fit(folder: Path, **cascade: object) -> None:
    lock = read_raw_lock(folder)
    write_raw_lock(folder, lock | {"cascade": {"sure_above": 0.6, **cascade}})


@pytest.mark.parametrize(
    "fitted",
    [
        {},
        {"static": "static-0", "full": "full-2"},
        {"static": "own", "full": "full-1"},
        {"full": "full-2"},
    ],
)
def test_a_threshold_of_another_pair_is_never_reached(
    pair: tuple[Path, Path], fitted: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    static, _ = pair
    own = StaticSentiment.load(static).version
    fit(static, **{key: own if value == "own" else value for key, value in fitted.items()})
    assert StaticSentiment.load(static).sure_above_beside("full-2") == NEVER_SURE
    assert f"the cascade of {own} was fitted to" in caplog.text
    assert "not to full-2" in caplog.text


def test_a_threshold_of_this_pair_holds(
    pair: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    static, _ = pair
    fit(static, static=StaticSentiment.load(static).version, full="full-2")
    assert StaticSentiment.load(static).sure_above_beside("full-2") == 0.6
    fit(static, sure_above=NEVER_SURE)
    assert StaticSentiment.load(static).sure_above_beside("full-2") == NEVER_SURE
    assert not caplog.text


def test_the_tier_asks_for_the_encoder_that_it_has(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    static, full = pair
    version = read_raw_lock(full)["version"]
    monkeypatch.setattr("customerai_static.artifact.ARTIFACT", static)
    text = "I love it, it is perfect."
    loaded = StaticSentiment.load(static)
    for fitted_to, by_static in ((version, True), ("another", False)):
        fit(static, static=loaded.version, full=fitted_to, sure_above=0.0)
        cascade = load_tier(RequestedTier.CASCADE, folder=full)
        said = cascade.probabilities([text])
        cascade.close()
        assert (said == loaded.probabilities([text])).all() == by_static


def test_the_command_measures_by_file_and_names_the_pair(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    static, full = pair
    files = []
    for name, texts in (("a", ["I love it."] * 3), ("b", ["Awful.", "It is here."])):
        table = pa.table({"text": texts, "label": [2] * 3 if name == "a" else [0, 1]})
        pq.write_table(table, tmp_path / f"{name}.parquet")
        files.append(str(tmp_path / f"{name}.parquet"))
    folders = ["--static", str(static), "--full", str(full), "--threads", "1"]
    assert main(["cascade", *files, *folders]) == 0
    kept = read_raw_lock(static)["cascade"]
    assert kept == json.loads(capsys.readouterr().out)
    assert (kept["static"], kept["full"]) == tuple(read_raw_lock(each)["version"] for each in pair)
    assert {name: each["n"] for name, each in kept["files"].items()} == {
        "a.parquet": 3,
        "b.parquet": 2,
    }
    assert kept["n"] == 5
    assert all(each["lost"] <= kept["most_lost"] for each in kept["files"].values())
    assert main(["cascade", files[0], files[0], *folders]) == 2
    assert "the same name" in capsys.readouterr().err
