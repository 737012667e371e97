"""The texts that are measured with."""

from __future__ import annotations

import statistics
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from tests.performance.serving.texts import generate, read


def test_they_are_distinct_and_always_the_same() -> None:
    texts = generate(400)
    assert len(set(texts)) == 400
    assert texts == generate(400)
    assert not any("{" in text for text in texts)


def test_their_lengths_are_those_of_customer_messages() -> None:
    words = [len(text.split()) for text in generate(400)]
    assert 16 <= statistics.median(words) <= 24
    assert min(words) < 8
    assert 120 < max(words) <= 260


def test_a_file_gives_distinct_texts_and_always_the_same(tmp_path: Path) -> None:
    path = tmp_path / "texts.parquet"
    column = ["One.", "Two.", "Two.", " ", None, "Three."]
    pyarrow.parquet.write_table(pyarrow.table({"text": column}), path)
    assert sorted(read(path, 10)) == ["One.", "Three.", "Two."]
    assert read(path, 2) == read(path, 2)
    assert len(read(path, 2)) == 2


@pytest.mark.parametrize("columns", [{"body": ["One."]}, {"text": [" "]}])
def test_a_file_without_texts_is_refused(tmp_path: Path, columns: dict[str, list[str]]) -> None:
    path = tmp_path / "texts.parquet"
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    with pytest.raises(ValueError, match="text"):
        read(path, 10)
