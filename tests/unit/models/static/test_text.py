"""The layer's own normaliser and tokenizer, held against those of the encoder."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from customerai_static.artifact import ARTIFACT, TOKENIZER_FILE
from customerai_static.text import normalise
from customerai_static.tokens import WordPieces
from models.encoder import tokens as encoder

FRAGMENTS = st.sampled_from(
    [
        *("http://", "https://a.b/c", "HTTP\u017f://x", "www.", "WWW.shop", "@", "@user", "a@b.c"),
        *("&amp;", "&#64;", "&lt", "&commat;me", "&", "\ud800", "\udfff", "\u00a0", "\u2028"),
        *("not good!!", "don't", "[CLS]", "[SEP]", "##ing", "e\u0301", "\u0130", "\u00df"),
        *("\x00", "\x1c", "\u200b", "\u6771\u4eac", "\U0001f621", "x" * 120, "_", "50%"),
    ]
)
TEXTS = st.lists(st.one_of(FRAGMENTS, st.text(max_size=8), st.sampled_from(" \t\n"))).map("".join)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    loaded = Tokenizer.from_file(str(ARTIFACT / TOKENIZER_FILE))
    loaded.no_truncation()
    loaded.no_padding()
    return loaded


@pytest.fixture(scope="module")
def pieces() -> WordPieces:
    return WordPieces(ARTIFACT / TOKENIZER_FILE)


@settings(deadline=None)
@given(TEXTS)
def test_texts_are_normalised_as_for_the_encoder(text: str) -> None:
    assert normalise(text) == encoder.normalise(text)


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=4))
def test_pieces_are_those_of_the_tokenizer(
    tokenizer: Tokenizer, pieces: WordPieces, texts: list[str]
) -> None:
    encodings = tokenizer.encode_batch(
        [encoder.normalise(text) for text in texts], add_special_tokens=False
    )
    expected = [encoding.ids for encoding in encodings]
    assert pieces.encode(texts) == expected
    assert pieces.encode(texts) == expected, "from memory this time"


def test_a_full_memory_starts_again(monkeypatch: pytest.MonkeyPatch, tokenizer: Tokenizer) -> None:
    monkeypatch.setattr("customerai_static.tokens._MOST_KNOWN", 3)
    few = WordPieces(ARTIFACT / TOKENIZER_FILE)
    text = "the kettle leaked and the kettle burned the table"
    assert few.encode([text, text]) == [tokenizer.encode(text, add_special_tokens=False).ids] * 2
    assert len(few._known) <= 3


def test_a_long_word_is_not_remembered(pieces: WordPieces) -> None:
    word = "unremembered" * 10
    pieces.encode([word])
    assert word not in pieces._known


def test_ids_become_rows(tokenizer: Tokenizer) -> None:
    size = tokenizer.get_vocab_size()
    backwards = WordPieces(ARTIFACT / TOKENIZER_FILE, list(range(size - 1, -1, -1)))
    ids = tokenizer.encode("unhappily late", add_special_tokens=False).ids
    assert backwards.encode(["unhappily late"]) == [[size - 1 - piece for piece in ids]]
