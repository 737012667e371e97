"""Labelled texts read from Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from models.sentiment.labels import LABELS, NEUTRAL


class InvalidExamplesError(Exception):
    """The file does not hold labelled texts; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Examples:
    """n labelled texts, column by column.

    `label` is int64 (n,) of class indexes. Where `binary` (bool, (n,)) is true the text comes from
    a source that has no neutral class: it is negative or positive by construction. `source` names
    where each text is from ("" where the file does not say).
    """

    text: list[str]
    label: npt.NDArray[np.int64]
    source: npt.NDArray[np.str_]
    binary: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.text)

    def take(self, rows: npt.NDArray[np.int64]) -> Examples:
        """Return the examples at `rows`, in that order."""
        return Examples(
            [self.text[row] for row in rows],
            self.label[rows],
            self.source[rows],
            self.binary[rows],
        )


def read(path: Path) -> Examples:
    """Read columns text and label, and where present source and binary, from a Parquet file.

    Raises:
        InvalidExamplesError: the file is missing, is no Parquet, lacks a column, holds a value
            that is no text or no class index, or calls a binary row neutral.
    """
    if not path.is_file():
        raise InvalidExamplesError(f"{path}: no such file")
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise InvalidExamplesError(f"{path}: not a readable Parquet file ({error})") from error
    missing = [name for name in ("text", "label") if name not in table.column_names]
    if missing:
        raise InvalidExamplesError(f"{path}: missing column(s) {', '.join(missing)}")
    if not table.num_rows:
        raise InvalidExamplesError(f"{path}: holds no rows")
    text = table["text"].to_pylist()
    if not all(isinstance(value, str) for value in text):
        raise InvalidExamplesError(f"{path}: column text must hold strings without nulls")
    label = table["label"].to_pylist()
    if not all(type(value) is int and 0 <= value < len(LABELS) for value in label):
        raise InvalidExamplesError(f"{path}: column label must hold class indexes 0, 1 or 2")
    rows = table.num_rows
    source = table["source"].to_pylist() if "source" in table.column_names else [""] * rows
    binary = table["binary"].to_pylist() if "binary" in table.column_names else [False] * rows
    examples = Examples(
        text,
        np.asarray(label, dtype=np.int64),
        np.asarray([str(value or "") for value in source], dtype=np.str_),
        np.asarray([bool(value) for value in binary], dtype=np.bool_),
    )
    if np.any(examples.binary & (examples.label == NEUTRAL)):
        raise InvalidExamplesError(f"{path}: a row with binary = true cannot be labelled neutral")
    return examples


def concatenate(parts: Sequence[Examples]) -> Examples:
    """Join parts end to end."""
    return Examples(
        [text for part in parts for text in part.text],
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.source for part in parts]),
        np.concatenate([part.binary for part in parts]),
    )
