"""Measure a tier on a labelled file."""

from __future__ import annotations

from pathlib import Path

from models.sentiment import examples as labelled
from models.sentiment.metrics import Report, report
from models.sentiment.tiers import Classifier


def evaluate(file: Path, classifier: Classifier) -> Report:
    """Classify every text of a Parquet file and compare with its labels.

    Columns: text, label (0 negative, 1 neutral, 2 positive); optional source and binary. Where
    binary is true, only negative and positive count.

    Raises:
        InvalidExamplesError: the file does not hold that.
    """
    examples = labelled.read(file)
    return report(examples, classifier.probabilities(examples.text))
