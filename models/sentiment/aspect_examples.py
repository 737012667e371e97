"""Sentences whose aspects are marked, read from Parquet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from models.sentiment.examples import InvalidExamplesError
from models.sentiment.labels import LABELS

_PLACE = "$T$"
_COLUMNS = ("sentence", "aspect", "label", "domain", "split")


@dataclass(frozen=True, slots=True)
class MarkedAspect:
    """`text[start:end]` is the aspect; `label` is the class index of what is said of it."""

    start: int
    end: int
    label: int


@dataclass(frozen=True, slots=True)
class MarkedSentence:
    """One sentence and every aspect marked in it, in order of place."""

    text: str
    domain: str
    aspects: tuple[MarkedAspect, ...]


def read_aspects(path: Path, split: str) -> list[MarkedSentence]:
    """Read the sentences of one split; rows that mark aspects of one sentence become one.

    The file has a row for each aspect: `sentence` with `$T$` in the aspect's place, `aspect`,
    `label` (0 negative, 1 neutral, 2 positive), `domain`, `split`.

    Raises:
        InvalidExamplesError: the file is missing, is no Parquet, or holds something else.
    """
    try:
        table = pq.read_table(path, columns=list(_COLUMNS))
    except (pa.ArrowException, OSError) as error:
        raise InvalidExamplesError(f"{path}: not a readable Parquet file ({error})") from error
    marked: dict[tuple[str, str], set[MarkedAspect]] = {}
    for row in table.to_pylist():
        if row["split"] != split:
            continue
        before, place, after = str(row["sentence"]).partition(_PLACE)
        if not place or row["label"] not in range(len(LABELS)) or not row["aspect"]:
            raise InvalidExamplesError(f"{path}: a row that marks no aspect: {row}")
        aspect = MarkedAspect(len(before), len(before) + len(row["aspect"]), int(row["label"]))
        sentence = (before + row["aspect"] + after, str(row["domain"]))
        marked.setdefault(sentence, set()).add(aspect)
    if not marked:
        raise InvalidExamplesError(f"{path}: no rows of split {split!r}")
    return [
        MarkedSentence(text, domain, tuple(sorted(aspects, key=lambda aspect: aspect.start)))
        for (text, domain), aspects in marked.items()
    ]
