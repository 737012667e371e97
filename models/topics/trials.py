"""Corpora taken for taxonomies, some of whose topics are left out so that texts have none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.embeddings import corpora
from models.embeddings.cache import cached
from models.embeddings.corpora import Corpus
from models.embeddings.predictor import EmbeddingPredictor
from models.topics.calibration import Floats
from models.topics.prototypes import Vectors, prototype

EXAMPLES = (0, 3, 5, 10)
"""Examples per topic that are tried."""

MOST_TOPICS = 20
"""In one trial: about what a company has."""

LEFT_OUT = 0.25
"""Share of a trial's categories that its taxonomy lacks."""

MOST_TEXTS = 600
"""In one trial."""

_JOINED = 400
_READERS = (corpora.banking77, corpora.bitext, corpora.airline_reasons)


@dataclass(frozen=True, slots=True)
class Set:
    """A corpus with embeddings: `categories` by index, `labels` their label texts' vectors.

    `vectors` (n, d) of texts with one or, joined from two, two categories: `about` (n, c) is 1
    where a text is of a category. `test` (n,) marks texts to measure on, `single` those of one.
    """

    name: str
    categories: list[str]
    labels: Vectors
    vectors: Vectors
    about: Floats
    test: npt.NDArray[np.bool_]
    single: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Trial:
    """Cosines (n, t) of texts with the topics of a taxonomy, and `about` (n, t), 1 where right."""

    cosines: Floats
    examples: Floats
    about: Floats


def load_sets(
    data: Path, work: Path, predictor: EmbeddingPredictor, log: Callable[[str], None]
) -> list[Set]:
    """Read, join and embed the corpora."""
    return [_load(read(data), work, predictor, log) for read in _READERS]


def trials(
    one: Set, count: int, *, test: bool, whole: bool, examples: int, seed: int
) -> Iterator[Trial]:
    """Yield trials on the set's test texts or on the others.

    Args:
        one: the corpus.
        count: how many taxonomies are drawn.
        test: whether on test texts; examples are drawn from the others in both cases.
        whole: take every category and texts of one category only, rather than at most
            MOST_TOPICS categories of which LEFT_OUT are not in the taxonomy.
        examples: of each topic.
        seed: of the draws.
    """
    generator = np.random.default_rng(seed)
    learn = np.flatnonzero(~one.test & one.single)
    for _ in range(count):
        order = generator.permutation(len(one.categories))
        drawn = order if whole else order[:MOST_TOPICS]
        kept = drawn if whole else drawn[round(LEFT_OUT * len(drawn)) :]
        shots = [
            generator.permutation(learn[one.about[learn, topic] == 1])[:examples] for topic in kept
        ]
        points = np.stack(
            [
                prototype(one.labels[topic], one.vectors[rows])
                for topic, rows in zip(kept, shots, strict=True)
            ]
        )
        used = np.zeros(len(one.vectors), dtype=bool)
        used[np.concatenate(shots).astype(int)] = True
        inside = one.about[:, drawn].sum(axis=1) == one.about.sum(axis=1)
        rows = np.flatnonzero((one.test == test) & ~used & inside & (one.single | (not whole)))
        rows = generator.permutation(rows)[:MOST_TEXTS]
        cosines = (one.vectors[rows] @ points.T).astype(np.float64)
        yield Trial(cosines, np.full(len(kept), float(examples)), one.about[np.ix_(rows, kept)])


def label_text(category: str) -> str:
    """What a person would call the category."""
    return category.replace("_", " ").rstrip("?").lower().replace("longlines", "long lines")


def _load(
    corpus: Corpus, work: Path, predictor: EmbeddingPredictor, log: Callable[[str], None]
) -> Set:
    categories = sorted(set(corpus.category))
    about = np.zeros((len(corpus.text), len(categories)))
    for row, category in enumerate(corpus.category):
        about[row, categories.index(category)] = 1.0
    test = np.asarray(corpus.test)
    texts, both, of_test = _joined(corpus, about)
    vectors = [cached(part, predictor, work, log) for part in (corpus.text, texts)]
    return Set(
        corpus.name,
        categories,
        predictor.embed([label_text(category) for category in categories]),
        np.concatenate(vectors),
        np.concatenate([about, both]),
        np.concatenate([test, of_test]),
        np.arange(len(test) + len(of_test)) < len(test),
    )


def _joined(corpus: Corpus, about: Floats) -> tuple[list[str], Floats, npt.NDArray[np.bool_]]:
    """Join pairs of texts of two categories, both to measure on or both not."""
    generator = np.random.default_rng(0)
    rows: list[tuple[int, int]] = []
    for test in (False, True):
        part = np.flatnonzero(np.asarray(corpus.test) == test)
        pairs = generator.choice(part, (_JOINED, 2))
        rows += [(a, b) for a, b in pairs.tolist() if corpus.category[a] != corpus.category[b]]
    texts = [f"{corpus.text[a].rstrip('.')}. {corpus.text[b]}" for a, b in rows]
    both = np.stack([about[a] + about[b] for a, b in rows])
    return texts, both, np.asarray([corpus.test[a] for a, _ in rows])
