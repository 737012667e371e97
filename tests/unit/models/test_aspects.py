"""From token logits to aspects: places, words, windows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customerai.domain.sentiment import SentimentLabel
from models.artifacts import TOKENIZER_FILE
from models.encoder.tokens import WindowTokenizer, align, normalise
from models.sentiment.aspect_examples import MarkedAspect, MarkedSentence
from models.sentiment.aspect_metrics import report
from models.sentiment.aspects import TaggedText, find, judge, tagged
from models.sentiment.predictor import ARTIFACT
from models.sentiment.tags import BEGIN, INSIDE, OUTSIDE, TAGS

NEGATIVE, NEUTRAL, POSITIVE = range(3)


@pytest.fixture(scope="module")
def tokenizer() -> WindowTokenizer:
    return WindowTokenizer(Path(ARTIFACT) / TOKENIZER_FILE, 48)


def windows_of(tokenizer: WindowTokenizer, text: str, marks: dict[str, int]) -> list[np.ndarray]:
    """Token logits as a perfect model would give them: every marked phrase an aspect."""
    aligned = align(text)
    pieces = tokenizer.pieces(aligned.text)
    logits = np.zeros((len(pieces.ids), len(TAGS) + 3))
    logits[:, OUTSIDE] = 9.0
    for phrase, label in marks.items():
        start = aligned.text.index(phrase)
        for index, (begin, end) in enumerate(pieces.offsets):
            if start <= begin and end <= start + len(phrase):
                logits[index, OUTSIDE] = 0.0
                logits[index, BEGIN if begin == start else INSIDE] = 9.0
                logits[index, len(TAGS) + label] = 9.0
    edge = np.zeros((1, logits.shape[1]))
    return [
        np.concatenate([edge, logits[start:end], edge])
        for start, end in tokenizer.bounds(len(pieces.ids))
    ]


def tag(tokenizer: WindowTokenizer, text: str, marks: dict[str, int]) -> TaggedText:
    return tagged(text, windows_of(tokenizer, text, marks), tokenizer)


def test_an_aspect_is_given_by_the_words_of_the_text_as_it_was_sent(
    tokenizer: WindowTokenizer,
) -> None:
    text = "Caf&eacute;  staff:   lovely!\n\nThe   unsalted-butter croissants,  though… burnt"
    found = find(tag(tokenizer, text, {"staff": POSITIVE, "unsalted-butter croissants": NEGATIVE}))
    assert [(aspect.words, aspect.label) for aspect in found] == [
        ("staff", SentimentLabel.POSITIVE),
        ("unsalted-butter croissants", SentimentLabel.NEGATIVE),
    ]
    assert all(text[aspect.start : aspect.end] == aspect.words for aspect in found)


def test_neighbouring_aspects_stay_two(tokenizer: WindowTokenizer) -> None:
    found = find(tag(tokenizer, "screen keyboard both fine", {"screen": 2, "keyboard": 2}))
    assert [aspect.words for aspect in found] == ["screen", "keyboard"]


def test_an_aspect_far_into_a_text_of_many_windows_is_found_once(
    tokenizer: WindowTokenizer,
) -> None:
    text = "so it goes on and on " * 30 + "until the zipper broke " + "and then on again " * 20
    found = find(tag(tokenizer, text, {"zipper": NEGATIVE}))
    assert [(aspect.words, aspect.start) for aspect in found] == [("zipper", text.index("zipper"))]


def test_a_given_aspect_is_judged_by_its_own_words(tokenizer: WindowTokenizer) -> None:
    text = "Great lens, awful strap"
    answer = tag(tokenizer, text, {"lens": POSITIVE, "strap": NEGATIVE})
    labels = []
    for word in ("lens", "strap"):
        start = text.index(word)
        judged = judge(answer, start, start + len(word))
        assert judged is not None
        labels.append(judged.label)
    assert labels == [SentimentLabel.POSITIVE, SentimentLabel.NEGATIVE]
    assert judge(answer, len(text), len(text) + 3) is None


def test_what_is_found_without_confidence_is_left_out(tokenizer: WindowTokenizer) -> None:
    answer = tag(tokenizer, "the strap", {"strap": NEGATIVE})
    answer.logits[:, OUTSIDE] = 8.5
    assert find(answer)
    assert find(answer, least_confidence=0.9) == []


def test_what_stands_for_one_piece_of_the_text_is_found_once(tokenizer: WindowTokenizer) -> None:
    text = "ask @ada_l"
    found = find(tag(tokenizer, text, {"@": NEUTRAL, "user": NEUTRAL}))
    assert [(aspect.words, aspect.start) for aspect in found] == [("@ada_l", 4)]


def test_blank_text_has_no_aspects(tokenizer: WindowTokenizer) -> None:
    assert find(tagged(" \n ", [], tokenizer)) == []


@settings(max_examples=150, deadline=None)
@given(data=st.data(), text=st.text(max_size=60))
def test_spans_lie_inside_any_text_and_say_its_words(
    tokenizer: WindowTokenizer, data: st.DataObject, text: str
) -> None:
    count = len(tokenizer.pieces(align(text).text).ids)
    seed = data.draw(st.integers(0, 2**32 - 1))
    noise = np.random.default_rng(seed).normal(size=(count, 6)) * 3
    edge = np.zeros((1, 6))
    windows = [np.concatenate([edge, noise[a:b], edge]) for a, b in tokenizer.bounds(count)]
    last = 0
    for aspect in find(tagged(text, windows, tokenizer)):
        assert 0 <= aspect.start < aspect.end <= len(text)
        assert text[aspect.start : aspect.end] == aspect.words
        assert aspect.start >= last
        assert 1 / 3 <= aspect.confidence <= 1
        last = aspect.end


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=80)
    | st.lists(
        st.sampled_from(
            ["&amp;", "&notit;", "&#x1F600;", "&#0;", "&amp;lt;", "@ada", "a@b.c", "www.x.y",
             "https://é.fr/?q=1&amp;r", "\ud83d", "\u2028", "  ", "\t", "ok", "&", "😀", "&#64;bo"]
        ),
        max_size=12,
    ).map("".join)
)  # fmt: skip
def test_alignment_normalises_as_normalise_does(text: str) -> None:
    aligned = align(text)
    assert aligned.text == normalise(text)
    assert len(aligned.text) == len(aligned.start) == len(aligned.end)
    for index, character in enumerate(aligned.text):
        start, end = aligned.start[index], aligned.end[index]
        assert 0 <= start < end <= len(text)
        if end == start + 1 and text[start] not in "@\ud83d" and not text[start].isspace():
            assert text[start] == character or normalise(text[start]) == character


def test_figures_of_a_perfect_and_of_a_wrong_answer(tokenizer: WindowTokenizer) -> None:
    sentence = MarkedSentence(
        "Fine lens, weak strap", "shop", (MarkedAspect(5, 9, POSITIVE), MarkedAspect(16, 21, 0))
    )
    right = tag(tokenizer, sentence.text, {"lens": POSITIVE, "strap": NEGATIVE})
    assert report([sentence], [right]) == {
        "sentences": 1,
        "aspects": 2,
        "accuracy": 1.0,
        "macro_f1": round(2 / 3, 4),
        "span_precision": 1.0,
        "span_recall": 1.0,
        "span_f1": 1.0,
    }
    wrong = tag(tokenizer, sentence.text, {"Fine lens": NEGATIVE, "strap": NEGATIVE})
    measured = report([sentence], [wrong])
    assert measured["accuracy"] == 0.5
    assert measured["span_precision"] == measured["span_recall"] == 0.5
