"""From labelled texts to the artefact."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np

from models.artifacts import lock_file
from models.embeddings.cache import cached
from models.embeddings.predictor import EmbeddingPredictor
from models.intents.fitting import (
    FitSettings,
    Rows,
    fit,
    fit_temperature,
    fit_threshold,
    out_of_fold,
    row_weights,
)
from models.intents.heads import Head, Matrix, softmax
from models.intents.lock import HEADS_FILE, IntentLock, LockedHead
from models.intents.metrics import Measured, measure
from models.intents.predictor import HEADS
from models.intents.sources import OWN, SOURCES, Labelled, labelled

VERSION = "minilm-l6-intents-1"

_ACROSS_ALL = "all"


def train(
    data: Path,
    work: Path,
    artifact: Path,
    sources: Sequence[str],
    settings: FitSettings,
    log: Callable[[str], None],
) -> IntentLock:
    """Write the heads and their lock into `artifact`.

    Temperature and threshold are chosen on out-of-fold answers over the texts to learn from, the
    threshold on our own sentences among them; the figures in the lock are of the test texts.
    """
    predictor = EmbeddingPredictor.load()
    try:
        parts = [labelled(name, data) for name in sources]
        embeddings: Matrix = np.concatenate(
            [cached(part.text, predictor, work, log) for part in parts]
        )
    finally:
        predictor.close()
    texts = _join(parts)
    heads: dict[str, Head] = {}
    metrics: dict[str, dict[str, Measured]] = {}
    for index, name in enumerate(HEADS):
        heads[name], metrics[name] = _head(name, index, texts, embeddings, settings)
        for source, measured in metrics[name].items():
            log(f"{name} on {source}: {measured}")
    artifact.mkdir(parents=True, exist_ok=True)
    arrays = {f"{name}.weights": head.weights for name, head in heads.items()}
    arrays |= {f"{name}.bias": head.bias for name, head in heads.items()}
    np.savez(artifact / HEADS_FILE, allow_pickle=False, **arrays)
    lock = IntentLock(
        version=VERSION,
        embeddings=predictor.version,
        heads={
            name: LockedHead(head.classes, head.temperature, head.threshold)
            for name, head in heads.items()
        },
        files={HEADS_FILE: lock_file(artifact / HEADS_FILE)},
        metrics=metrics,
        training=asdict(settings)
        | {"sources": {name: _described(name, texts) for name in sources}},
        libraries={"python": platform.python_version(), "numpy": version("numpy")},
    )
    lock.write(artifact)
    return lock


def _head(
    name: str, index: int, texts: Labelled, embeddings: Matrix, settings: FitSettings
) -> tuple[Head, dict[str, Measured]]:
    """Learn one head, the `index`-th of a label, and measure it."""
    classes = HEADS[name]
    index_of = {str(one): position for position, one in enumerate(classes)}
    labels: Rows = np.asarray([index_of.get(str(label[index]), -1) for label in texts.label])
    known = labels >= 0
    test = np.asarray(texts.test) & known
    learn = ~np.asarray(texts.test) & known
    source = np.asarray(texts.source)
    shares = {name: SOURCES[name].weight for name in set(texts.source)}
    weights = row_weights(source[learn].tolist(), labels[learn], shares)

    logits = out_of_fold(embeddings[learn], labels[learn], weights, len(classes), settings)
    temperature = fit_temperature(logits, labels[learn], weights)
    calibrated = softmax(logits / np.float32(temperature))
    # On sentences of many trades where there are any: the others are of one trade each, and easier.
    own = source[learn] == OWN
    chosen = own if own.any() else ~own
    threshold = fit_threshold(
        calibrated[chosen], labels[learn][chosen], weights[chosen], settings.precision
    )
    matrix, bias = fit(embeddings[learn], labels[learn], weights, len(classes), settings)
    head = Head(tuple(map(str, classes)), matrix, bias, temperature, threshold)

    probabilities = head.probabilities(embeddings)
    measured = {
        one: measure(probabilities[rows], labels[rows], threshold)
        for one in sorted(set(source[test].tolist()))
        for rows in [test & (source == one)]
    }
    measured[_ACROSS_ALL] = measure(probabilities[test], labels[test], threshold)
    return head, measured


def _join(parts: Sequence[Labelled]) -> Labelled:
    return Labelled(
        [text for part in parts for text in part.text],
        [label for part in parts for label in part.label],
        [source for part in parts for source in part.source],
        [test for part in parts for test in part.test],
    )


def _described(name: str, texts: Labelled) -> dict[str, object]:
    rows = [test for source, test in zip(texts.source, texts.test, strict=True) if source == name]
    return {
        "learned": rows.count(False),
        "test": rows.count(True),
        "weight": SOURCES[name].weight,
        "terms": SOURCES[name].terms,
    }
