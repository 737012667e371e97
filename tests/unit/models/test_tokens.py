"""Normalisation and windows."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.encoder.tokens import WindowTokenizer, normalise, windows
from models.sentiment.predictor import ARTIFACT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  two\n lines\t", "two lines"),
        ("see https://shop.example/a?b=1 or www.shop.example", "see http or http"),
        ("@larkfell hello, mail me@home.example", "@user hello, mail me@home.example"),
        ("salt &amp; pepper", "salt & pepper"),
        ("lone \ud800 half", "lone ? half"),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise(text) == expected


@given(st.integers(0, 4000), st.integers(40, 200))
def test_windows_cover_every_token_and_overlap(length: int, size: int) -> None:
    cuts = windows(length, size, overlap=32)
    assert {token for start, end in cuts for token in range(start, end)} == set(range(length))
    assert all(end - start <= size for start, end in cuts)
    for (_, end), (start, _) in pairwise(cuts):
        assert end - start >= 32


def test_encode_puts_each_window_between_the_special_tokens() -> None:
    tokenizer = WindowTokenizer(ARTIFACT / "tokenizer.json", window_tokens=50)
    first, cls = tokenizer.encode(["warm gloves"])[0][0], 101
    assert first[0] == cls
    assert first[-1] == 102
    long, empty = tokenizer.encode(["warm gloves " * 60, " "])
    assert [len(window) for window in long] == [50] * len(long)
    assert empty == []
