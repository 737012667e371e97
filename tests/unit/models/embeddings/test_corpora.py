"""Drawing texts to learn from and to measure on."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from models.embeddings.corpora import banking77, bitext, fill

ROWS = [(f"Question {number} on fees", "fees", "train") for number in range(80)] + [
    ("question 3 ON fees", "fees", "test"),
    ("My card is gone", "lost", "test"),
]


def _write(folder: Path) -> None:
    text, category, split = (list(column) for column in zip(*ROWS, strict=True))
    table = pa.table({"text": text, "category": category, "split": split})
    pq.write_table(table, folder / "intents_banking77.parquet")


def test_draws_are_bounded_and_the_same_every_time(tmp_path: Path) -> None:
    _write(tmp_path)
    drawn = banking77(tmp_path)
    assert drawn == banking77(tmp_path)
    assert drawn.test.count(False) == 50
    assert drawn.test.count(True) == 2


def test_no_text_to_measure_on_is_learned_from(tmp_path: Path) -> None:
    _write(tmp_path)
    drawn = banking77(tmp_path)
    learned = {
        text.casefold() for text, test in zip(drawn.text, drawn.test, strict=True) if not test
    }
    assert "question 3 on fees" not in learned


def test_placeholders_become_values() -> None:
    generator = random.Random(1)
    text = fill("{{Person Name}} sent {{Currency Symbol}}{{Refund Amount}}, {{Moon}}", generator)
    assert "{" not in text
    assert text.endswith(", it")
    numbers = {fill("{{Order Number}}", generator) for _ in range(20)}
    assert len(numbers) > 10


def test_templates_are_filled_when_read(tmp_path: Path) -> None:
    table = pa.table(
        {
            "instruction": [f"cancel {{{{Order Number}}}} number {index}" for index in range(20)],
            "category": ["ORDER"] * 20,
        }
    )
    pq.write_table(table, tmp_path / "support_prompts_bitext.parquet")
    drawn = bitext(tmp_path)
    assert len(drawn.text) == 20
    assert not any("{" in text for text in drawn.text)
    assert any(drawn.test)
    assert not all(drawn.test)
