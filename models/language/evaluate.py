"""How well languages are told apart, and what the sentiment model makes of each of them."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from models.language.detector import ENGLISH, LanguageDetector
from models.sentiment.examples import Examples
from models.sentiment.metrics import report
from models.sentiment.predictor import SentimentPredictor

CODES = {
    "arabic": "ar",
    "english": "en",
    "french": "fr",
    "german": "de",
    "hindi": "hi",
    "italian": "it",
    "portuguese": "pt",
    "spanish": "es",
}
"""Languages of the file, with the codes that they should get."""

MULTILINGUAL = "sentiment_multilingual.parquet"
ENGLISH_FILES = ("sentiment_dev.parquet", "reviews_dev.parquet")

Measured = dict[str, float]


def tell(texts: list[str], code: str, detector: LanguageDetector) -> Measured:
    """Say what share of texts got their `code`, remained unknown, and were not supported."""
    found = [detector.detect(text) for text in texts]
    count = len(found)
    return {
        "n": count,
        "code_right": round(sum(language.code == code for language in found) / count, 4),
        "unknown": round(sum(language.code == "und" for language in found) / count, 4),
        "unsupported": round(sum(not language.supported for language in found) / count, 4),
    }


def detection(data: Path, most: int) -> dict[str, Measured]:
    """Measure the detector on the test texts of each language, and on English dev sets.

    At most `most` texts of each; the same ones every time.
    """
    detector = LanguageDetector()
    measured = {
        language: tell([row["text"] for row in rows], CODES[language], detector)
        for language, rows in _tests(data, most).items()
    }
    for name in ENGLISH_FILES:
        rows = _draw(pq.read_table(data / name).to_pylist(), most * 4)
        measured[name] = tell([row["text"] for row in rows], ENGLISH, detector)
    return measured


def sentiment(data: Path, most: int, predictor: SentimentPredictor) -> dict[str, Measured]:
    """Measure the sentiment model on at most `most` test texts of each language."""
    measured: dict[str, Measured] = {}
    for language, rows in _tests(data, most).items():
        examples = _examples(rows)
        figures = report(examples, predictor.probabilities(examples.text))
        measured[language] = {name: figures[name] for name in ("n", "accuracy", "macro_f1")}
    return measured


def _tests(data: Path, most: int) -> dict[str, list[dict[str, str]]]:
    rows = pq.read_table(data / MULTILINGUAL).to_pylist()
    return {
        language: _draw(
            [row for row in rows if row["language"] == language and row["split"] == "test"], most
        )
        for language in CODES
    }


def _draw(rows: list[dict[str, str]], most: int) -> list[dict[str, str]]:
    return random.Random(0).sample(rows, min(most, len(rows)))  # noqa: S311


def _examples(rows: list[dict[str, str]]) -> Examples:
    count = len(rows)
    return Examples(
        [row["text"] for row in rows],
        np.asarray([int(row["label"]) for row in rows], dtype=np.int64),
        np.full(count, "", dtype=np.str_),
        np.zeros(count, dtype=np.bool_),
    )
