"""A repository of one artefact, a candidate for its place, and models that answer as told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customerai.domain.analysis import RequestedTier, Tier
from models.artifacts import LOCK_FILE, MODEL_FILE, TOKENIZER_FILE, lock_file
from models.sentiment import promotion
from models.sentiment.aspect_examples import MarkedAspect, MarkedSentence
from models.sentiment.fairness.limits import AxisLimits, FairnessLimits
from models.sentiment.fairness.swaps import Comparison, comparisons
from models.sentiment.in_service import holding_artefacts
from models.sentiment.lock import read_lock
from models.sentiment.notice import NOTICE_FILE, lineage_sources, notice
from models.sentiment.predictor import ARTIFACT
from models.sentiment.promotion import Judgement, judge_candidate
from models.sentiment.promotion_limits import PromotionLimits
from models.sentiment.tiers import Classifier

GOOD, FACT, BAD = "I love it, it is perfect", "The box is 30 cm wide", "I hate it, it is awful"
ROWS = 200
MARKED = (MarkedSentence("The soup was cold.", "restaurant", (MarkedAspect(4, 8, 0),)),)
_ANYTHING = AxisLimits(1.0, 1.0, 2.0, 2.0, 2.0)
LENIENT = PromotionLimits(
    calibration_error=1.0,
    fairness=FairnessLimits(*[_ANYTHING] * 6),
    static_fairness=FairnessLimits(*[_ANYTHING] * 6),
)
"""For a handful of texts: on so few, calibration and fairness say little."""


def statements() -> list[Comparison]:
    """Each axis, with one statement in a few wordings."""
    first = {comparison.axis: comparison for comparison in reversed(comparisons())}
    return [one._replace(variants=one.variants[:3]) for one in first.values()]


def labels_of(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    return np.asarray([0 if BAD in text else 2 if GOOD in text else 1 for text in texts])


def answering(wrong: Callable[[str], bool], confidence: float = 0.9) -> Any:
    """A model that is right but for the texts that `wrong` picks."""

    def probabilities(texts: Sequence[str]) -> npt.NDArray[np.float64]:
        answer = (labels_of(texts) + [wrong(text) for text in texts]) % 3
        rows = np.full((len(texts), 3), (1 - confidence) / 2)
        rows[np.arange(len(texts)), answer] = confidence
        return rows

    return probabilities


def ends_with(*digits: str) -> Callable[[str], bool]:
    return lambda text: text.endswith(digits)


def aspect_figures(span_f1: float, accuracy: float) -> dict[str, float]:
    return {"span_f1": span_f1, "accuracy": accuracy}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def write_texts(path: Path, texts: list[str], source: str | None = None) -> Path:
    columns: dict[str, list[Any]] = {"text": texts, "label": labels_of(texts).tolist()}
    if source is not None:
        columns["source"] = [source] * len(texts)
    pq.write_table(pa.table(columns), path)
    return path


@dataclass
class Stage:
    """What is in service, what wants in, and how they answer."""

    target: Path
    candidate: Path
    dev: Path
    models: dict[Path, Any]
    aspects: dict[Path, Any]
    """Figures of aspects by folder; a model without any has no token head."""

    def edit(self, folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
        lock = json.loads((folder / LOCK_FILE).read_text())
        change(lock)
        (folder / LOCK_FILE).write_text(json.dumps(lock))

    def lock_files(self, folder: Path, **changes: Any) -> None:
        """Change the lock, and write notice and digests as they have to be with it."""
        lock = json.loads((folder / LOCK_FILE).read_text()) | changes
        text = notice(lock["version"], lineage_sources(lock["training"]))
        (folder / NOTICE_FILE).write_text(text)
        names = (MODEL_FILE, TOKENIZER_FILE, NOTICE_FILE)
        files = {name: asdict(lock_file(folder / name)) for name in names}
        (folder / LOCK_FILE).write_text(json.dumps(lock | {"files": files}))

    def judge(
        self,
        limits: PromotionLimits = LENIENT,
        also: Sequence[Path] = (),
        tier: Tier = Tier.FULL,
        dev: Sequence[Path] = (),
        **more: Any,
    ) -> Judgement:
        return judge_candidate(
            self.candidate,
            tier,
            dev or [self.dev],
            also,
            limits,
            target=self.target,
            shipped=holding_artefacts([self.target]),
            statements=statements(),
            marked=MARKED,
            **more,
        )


def set_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Return a stage whose candidate passes: the real lock, with files of a few bytes and figures
    of a small file. The models behind them are ours."""
    texts = [f"{sentence}, number {row}" for row in range(ROWS) for sentence in (GOOD, FACT, BAD)]
    dev = write_texts(folder / "dev.parquet", texts)
    found = Stage(folder / "service" / "full", folder / "candidate", dev, {}, {})
    figures = {"n": len(texts), "accuracy": 0.9, "macro_f1": 0.9}
    metrics = {
        "fp32": figures,
        "int8": figures,
        "calibrated": figures,
        "calibration_error": {"before": 0.1, "after": 0.1},
    }
    for place in (found.target, found.candidate):
        place.mkdir(parents=True)
        for name in (MODEL_FILE, TOKENIZER_FILE):
            (place / name).write_text(f"This is {name}.\n")
        shutil.copyfile(ARTIFACT / LOCK_FILE, place / LOCK_FILE)
        found.lock_files(place, metrics=metrics)
        found.models[place] = answering(ends_with("0"))
        found.aspects[place] = {"all": aspect_figures(0.7, 0.8)}
    found.lock_files(found.candidate, version="candidate-2")

    def load_tier(tier: RequestedTier, *, folder: Path) -> Classifier:
        def tag(texts: Sequence[str]) -> list[Any]:
            return [folder for _ in texts]

        return Classifier(
            read_lock(folder).version,
            found.models[folder],
            lambda: None,
            tag if folder in found.aspects else None,
        )

    monkeypatch.setattr(promotion, "load_tier", load_tier)
    # What a token head's answers are worth is measured elsewhere; here the figures are set.
    monkeypatch.setattr(promotion, "by_domain", lambda marked, tagged: found.aspects[tagged[0]])
    return found
