"""A tiny set of training files, written for these tests."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from models.sentiment.settings import TrainSettings

TINY = TrainSettings(
    sources=("semeval_tweets", "sst2_sentences"),
    train_files=("train.parquet",),
    dev_files=("dev.parquet",),
    aspects_file="aspects.parquet",
    aspect_batch_size=4,
    steps=2,
    batch_size=4,
    window_tokens=64,
    emphasis=(),
    own_examples=False,
    frozen_embeddings=True,
    device="cpu",
    precision="fp32",
    threads=1,
    checkpoint_every=1,
    log_every=1,
)

ROWS = [
    ("The bus was late again and the driver was rude.", 0, "semeval_tweets", False),
    ("Trains leave at ten past the hour.", 1, "semeval_tweets", False),
    ("Such a sunny, cheerful morning!", 2, "semeval_tweets", False),
    ("The new bridge opens in May.", 1, "semeval_tweets", False),
    ("A clumsy, joyless evening.", 0, "sst2_sentences", True),
    ("Tender and very funny.", 2, "sst2_sentences", True),
    ("Nobody should pay for this. " * 30, 0, "sst2_sentences", True),
    ("Left out on purpose.", 1, "airline_tweets", False),
]

_MARKED = [
    ("The $T$ froze twice.", "touch screen", 0),
    ("The soup was cold but the $T$ was lovely.", "terrace", 2),
    ("The $T$ was cold but the terrace was lovely.", "soup", 0),
    ("We asked for the $T$.", "bill", 1),
    ("Its $T$ lasts for days.", "battery", 2),
]


def write_rows(folder: Path) -> Path:
    """Write train, dev and aspects files into a folder, and return it."""
    text, label, source, binary = (list(column) for column in zip(*ROWS, strict=True))
    table = pa.table({"text": text, "label": label, "source": source, "binary": binary})
    for name in ("train.parquet", "dev.parquet"):
        pq.write_table(table, folder / name)
    marked = [
        {"sentence": sentence, "aspect": aspect, "label": label, "domain": "laptop", "split": split}
        for split in ("train", "test")
        for sentence, aspect, label in _MARKED
    ]
    pq.write_table(pa.Table.from_pylist(marked), folder / "aspects.parquet")
    return folder
