"""How well aspects are judged and found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from models.sentiment.aspect_examples import MarkedSentence
from models.sentiment.aspects import TaggedText, find, judge
from models.sentiment.labels import LABELS


class AspectReport(TypedDict):
    """Figures between 0 and 1 over the marked aspects of n sentences."""

    sentences: int
    aspects: int
    accuracy: float
    """Share of given aspects whose sentiment is right."""

    macro_f1: float
    span_precision: float
    """Share of found aspects whose first and last character are those of a marked one."""

    span_recall: float
    span_f1: float


def calibrate(
    sentences: Sequence[MarkedSentence], texts: Sequence[TaggedText]
) -> tuple[float, float]:
    """Fit the temperature of aspects' sentiment on every other sentence, measure on the rest.

    Returns:
        The temperature under which confidence tells right from wrong with the least log loss, and
        the expected calibration error (10 bins) on the sentences it was not fitted to.
    """
    losses = {}
    for temperature in np.geomspace(0.5, 3.0, 31).round(4).tolist():
        confidence, right = _confidence(sentences[::2], texts[::2], temperature)
        losses[temperature] = -np.log(np.where(right, confidence, 1 - confidence) + 1e-12).mean()
    best: float = min(losses, key=losses.__getitem__)
    confidence, right = _confidence(sentences[1::2], texts[1::2], best)
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [
        np.sum(bins == index) * abs(confidence[bins == index].mean() - right[bins == index].mean())
        for index in np.unique(bins)
    ]
    return best, round(float(np.sum(gaps) / len(confidence)), 4)


def _confidence(
    sentences: Sequence[MarkedSentence], texts: Sequence[TaggedText], temperature: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Confidence in each marked aspect's sentiment, and whether it was right."""
    answers = [
        (judged.confidence, judged.label is LABELS[mark.label])
        for sentence, text in zip(sentences, texts, strict=True)
        for mark in sentence.aspects
        if (judged := judge(text, mark.start, mark.end, temperature)) is not None
    ]
    confidence, right = zip(*answers, strict=True)
    return np.asarray(confidence), np.asarray(right)


def report(sentences: Sequence[MarkedSentence], texts: Sequence[TaggedText]) -> AspectReport:
    """Hold the token head's answers for `sentences` against their marks."""
    said, meant = [], []
    exact = found = 0
    for sentence, text in zip(sentences, texts, strict=True):
        for mark in sentence.aspects:
            judged = judge(text, mark.start, mark.end)
            said.append(-1 if judged is None else LABELS.index(judged.label))
            meant.append(mark.label)
        marks = {(mark.start, mark.end) for mark in sentence.aspects}
        spans = {(aspect.start, aspect.end) for aspect in find(text)}
        exact += len(marks & spans)
        found += len(spans)
    right, wanted = np.asarray(said), np.asarray(meant)
    scores = [
        2
        * np.sum((right == label) & (wanted == label))
        / max(1, np.sum(right == label) + np.sum(wanted == label))
        for label in range(len(LABELS))
    ]
    precision, recall = exact / max(1, found), exact / len(meant)
    return AspectReport(
        sentences=len(sentences),
        aspects=len(meant),
        accuracy=round(float(np.mean(right == wanted)), 4),
        macro_f1=round(float(np.mean(scores)), 4),
        span_precision=round(precision, 4),
        span_recall=round(recall, 4),
        span_f1=round(2 * precision * recall / max(1e-9, precision + recall), 4),
    )


def by_domain(
    sentences: Sequence[MarkedSentence], texts: Sequence[TaggedText]
) -> dict[str, AspectReport]:
    """The report over all domains together ("all") and for each."""
    reports = {"all": report(sentences, texts)}
    for domain in sorted({sentence.domain for sentence in sentences}):
        rows = [i for i, sentence in enumerate(sentences) if sentence.domain == domain]
        reports[domain] = report([sentences[i] for i in rows], [texts[i] for i in rows])
    return reports
