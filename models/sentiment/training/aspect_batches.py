"""Marked sentences as tensors for the token head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from models.encoder.tokens import WindowTokenizer, align
from models.sentiment.aspect_examples import MarkedSentence
from models.sentiment.tags import BEGIN, INSIDE, OUTSIDE, TAGS
from models.sentiment.training.batches import padded

_IGNORED = -100


@dataclass(frozen=True, slots=True)
class TaggedSentence:
    """Token ids with [CLS] and [SEP]; a tag a token; (start, end, label) in tokens an aspect."""

    ids: list[int]
    tags: list[int]
    aspects: list[tuple[int, int, int]]


def tag(sentences: Sequence[MarkedSentence], tokenizer: WindowTokenizer) -> list[TaggedSentence]:
    """Put the marks of each sentence onto its tokens; only the first window of one is used."""
    return [_tag(sentence, tokenizer) for sentence in sentences]


def _tag(sentence: MarkedSentence, tokenizer: WindowTokenizer) -> TaggedSentence:
    aligned = align(sentence.text)
    pieces = tokenizer.pieces(aligned.text)
    _, size = tokenizer.bounds(len(pieces.ids))[0]
    first, last = tokenizer.blank
    tags, aspects = [OUTSIDE] * size, []
    for mark in sentence.aspects:
        inside = [
            index
            for index, (start, end) in enumerate(pieces.offsets[:size])
            if aligned.start[start] < mark.end and aligned.end[end - 1] > mark.start
        ]
        if not inside:
            continue
        tags[inside[0]] = BEGIN
        for index in inside[1:]:
            tags[index] = INSIDE
        aspects.append((inside[0] + 1, inside[-1] + 2, mark.label))
    return TaggedSentence([first, *pieces.ids[:size], last], [_IGNORED, *tags, _IGNORED], aspects)


def plan(count: int, batch_size: int, batches: int, seed: int) -> list[npt.NDArray[np.int64]]:
    """Return that many batches of rows; every row is seen once before any is seen again."""
    rng = np.random.default_rng(seed)
    rounds = -(-batches * batch_size // count)
    order = np.concatenate([rng.permutation(count) for _ in range(rounds)])
    return [order[i * batch_size : (i + 1) * batch_size] for i in range(batches)]


@dataclass(frozen=True, slots=True)
class MarkedBatch:
    """Marked sentences as tensors, or one worker's part of them.

    `ids` and `mask` are (sentences, tokens); `tags` likewise, with what doesn't count as -100.
    Aspect k lies in sentence `row[k]`; `span[k]` (tokens,) averages over its tokens; `label[k]` is
    its class index. `all_tags` and `all_aspects` count those of the whole batch.
    """

    ids: Tensor
    mask: Tensor
    tags: Tensor
    row: Tensor
    span: Tensor
    label: Tensor
    all_tags: int
    all_aspects: int

    def to(self, device: torch.device) -> MarkedBatch:
        """Copy to a device."""
        return replace(
            self,
            ids=self.ids.to(device, non_blocking=True),
            mask=self.mask.to(device, non_blocking=True),
            tags=self.tags.to(device, non_blocking=True),
            row=self.row.to(device, non_blocking=True),
            span=self.span.to(device, non_blocking=True),
            label=self.label.to(device, non_blocking=True),
        )


def marked_batch(
    sentences: Sequence[TaggedSentence], whole: Sequence[TaggedSentence]
) -> MarkedBatch:
    """Build the tensors of `sentences`, which are all or a part of the batch `whole`."""
    ids, mask = padded([sentence.ids for sentence in sentences])
    tags = torch.full(ids.shape, _IGNORED)
    places = [
        (row, *aspect) for row, sentence in enumerate(sentences) for aspect in sentence.aspects
    ]
    for row, sentence in enumerate(sentences):
        tags[row, : len(sentence.tags)] = torch.tensor(sentence.tags)
    span = torch.zeros(len(places), ids.shape[1])
    for index, (_, start, end, _) in enumerate(places):
        span[index, start:end] = 1 / (end - start)
    return MarkedBatch(
        ids,
        mask,
        tags,
        torch.tensor([row for row, *_ in places], dtype=torch.long),
        span,
        torch.tensor([label for *_, label in places], dtype=torch.long),
        sum(len(sentence.tags) - sentence.tags.count(_IGNORED) for sentence in whole),
        sum(len(sentence.aspects) for sentence in whole),
    )


def aspect_loss(logits: Tensor, marked: MarkedBatch, smoothing: float) -> Tensor:
    """Cross-entropy of the tags, plus that of each aspect's sentiment.

    Both are means over the whole batch: the losses of its parts add up to its loss. An aspect's
    sentiment logits are the mean of its tokens', as in serving.

    Args:
        logits: (sentences, tokens, 6), the token head's.
        marked: what they are of.
        smoothing: label smoothing of both.
    """
    of_tags = functional.cross_entropy(
        logits[:, :, : len(TAGS)].flatten(0, 1),
        marked.tags.flatten(),
        ignore_index=_IGNORED,
        label_smoothing=smoothing,
        reduction="sum",
    )
    of_aspects = (marked.span[:, :, None] * logits[marked.row, :, len(TAGS) :]).sum(1)
    of_sentiment = functional.cross_entropy(
        of_aspects, marked.label, label_smoothing=smoothing, reduction="sum"
    )
    return of_tags / marked.all_tags + of_sentiment / max(1, marked.all_aspects)
