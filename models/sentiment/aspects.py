"""From the token head's logits to aspects: which words, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customerai.domain.analysis import Aspect
from models.encoder.tokens import Alignment, WindowTokenizer, align
from models.sentiment.labels import LABELS
from models.sentiment.tags import BEGIN, INSIDE, OUTSIDE, TAGS

Logits = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TaggedText:
    """A text, its word pieces, and the token head's logits for each of them.

    `offsets` are places in the normalised text; `words` says which word a piece belongs to;
    `logits` is float64 (pieces, 6).
    """

    source: str
    alignment: Alignment
    offsets: Sequence[tuple[int, int]]
    words: Sequence[int]
    logits: Logits


def tagged(
    text: str, windows: Sequence[npt.NDArray[np.floating]], tokenizer: WindowTokenizer
) -> TaggedText:
    """Join the token logits of a text's windows.

    A piece that two windows show is taken from the one that shows more of its surroundings.

    Args:
        text: as it was sent.
        windows: one array (tokens, 6) for each window that `tokenizer.encode` gives the text,
            [CLS] and [SEP] included; rows beyond a window's own tokens are padding.
        tokenizer: what cut the text into windows.
    """
    alignment = align(text)
    pieces = tokenizer.pieces(alignment.text)
    bounds = tokenizer.bounds(len(pieces.ids))
    logits = np.zeros((len(pieces.ids), len(TAGS) + len(LABELS)))
    margin = np.full(len(pieces.ids), -1)
    for (start, end), window in zip(bounds, windows, strict=True):
        place = np.arange(end - start)
        surroundings = np.minimum(place, place[::-1])
        better = surroundings > margin[start:end]
        logits[start:end][better] = window[1 : end - start + 1][better]
        margin[start:end][better] = surroundings[better]
    words = [0 if word is None else word for word in pieces.word_ids]
    return TaggedText(text, alignment, pieces.offsets, words, logits)


def find(text: TaggedText, temperature: float = 1.0, least_confidence: float = 0.0) -> list[Aspect]:
    """Return the aspects that the tags mark, in order of place.

    A word has the tag of its first piece. Aspects whose tags are less probable than
    `least_confidence` are left out.
    """
    probability = _softmax(text.logits[:, : len(TAGS)])
    tags = probability.argmax(1)
    found: list[Aspect] = []
    for first, last in _spans(tags, text.words):
        heads = [
            first,
            *(i for i in range(first + 1, last + 1) if text.words[i] != text.words[i - 1]),
        ]
        if 1.0 - probability[heads, OUTSIDE].mean() < least_confidence:
            continue
        aspect = _aspect(text, first, last, temperature)
        # Words that stand for one piece of the source, a user name say, are there only once.
        if not found or aspect.start >= found[-1].end:
            found.append(aspect)
    return found


def judge(text: TaggedText, start: int, end: int, temperature: float = 1.0) -> Aspect | None:
    """Return what is said of `source[start:end]`; None where no token lies there."""
    inside = [
        index
        for index, (begin, finish) in enumerate(text.offsets)
        if text.alignment.start[begin] < end and text.alignment.end[finish - 1] > start
    ]
    return _aspect(text, inside[0], inside[-1], temperature) if inside else None


def _spans(tags: npt.NDArray[np.intp], words: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last piece of each run of words whose first pieces are tagged as one aspect."""
    first, tag = -1, OUTSIDE
    for index, word in enumerate(words):
        if index and word == words[index - 1]:
            continue
        tag = int(tags[index])
        if first >= 0 and tag != INSIDE:
            yield first, index - 1
            first = -1
        if tag == BEGIN or (tag == INSIDE and first < 0):
            first = index
    if first >= 0:
        yield first, len(words) - 1


def _aspect(text: TaggedText, first: int, last: int, temperature: float) -> Aspect:
    start = text.alignment.start[text.offsets[first][0]]
    end = text.alignment.end[text.offsets[last][1] - 1]
    logits = text.logits[first : last + 1, len(TAGS) :].mean(0, keepdims=True)
    scores = _softmax(logits / temperature)[0]
    best = int(scores.argmax())
    return Aspect(text.source[start:end], start, end, LABELS[best], float(scores[best]))


def _softmax(logits: Logits) -> Logits:
    exponential = np.exp(logits - logits.max(1, keepdims=True))
    softmax: Logits = exponential / exponential.sum(1, keepdims=True)
    return softmax
