"""What a run learns from, step by step, cut into what each worker computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.artifacts import TOKENIZER_FILE
from models.encoder.network import pretrained_folder
from models.encoder.tokens import WindowTokenizer
from models.sentiment import examples as labelled
from models.sentiment.aspect_examples import read_aspects
from models.sentiment.examples import Examples, InvalidExamplesError
from models.sentiment.fairness.augmentation import SOURCE as OWN_SOURCE
from models.sentiment.fairness.augmentation import own_examples
from models.sentiment.settings import TrainSettings
from models.sentiment.training.aspect_batches import (
    MarkedBatch,
    TaggedSentence,
    marked_batch,
    plan,
    tag,
)
from models.sentiment.training.batches import draw, padded, plan_by_length
from models.sentiment.training.token_store import (
    TokenStore,
    open_store,
    store_key,
    window_of_each,
)

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Piece:
    """One forward pass: token ids and mask (texts, tokens), class indexes and whether a neutral
    class is known to be absent (texts,), and what share of the step's texts these are."""

    ids: Tensor
    mask: Tensor
    label: Tensor
    binary: Tensor
    share: float
    marked: MarkedBatch | None
    teacher: Tensor | None = None
    """(texts, classes): a teacher's log-probabilities, where there is a teacher."""

    def to(self, device: torch.device) -> Piece:
        """Copy to a device."""
        return replace(
            self,
            ids=self.ids.to(device, non_blocking=True),
            mask=self.mask.to(device, non_blocking=True),
            label=self.label.to(device, non_blocking=True),
            binary=self.binary.to(device, non_blocking=True),
            marked=self.marked and self.marked.to(device),
            teacher=None if self.teacher is None else self.teacher.to(device, non_blocking=True),
        )


@dataclass(frozen=True, slots=True)
class Corpus:
    """Every step of a run. Texts are rows of `store`, marked sentences rows of `marked`."""

    store: TokenStore
    start: Rows
    end: Rows
    """The window of each text that the run sees."""

    batches: list[Rows]
    marked: list[TaggedSentence]
    marked_batches: dict[int, Rows]
    blank: tuple[int, int]
    """Ids of [CLS] and [SEP]."""

    texts: int
    """Texts that the run could see, by its sources."""

    teacher: Tensor | None = None
    """A teacher's log-probabilities for each text of `store`, where there is a teacher."""

    def pieces(self, step: int, worker: int, workers: int, parts: int) -> list[Piece]:
        """Build what one of `workers` computes in a step, in `parts` forward passes.

        The pieces of all workers together are the step's batch, each text and each marked sentence
        once, whatever their number.
        """
        whole = self.batches[step]
        joined = [self.marked[row] for row in self.marked_batches.get(step, ())]
        return [
            self._piece(rows, whole, sentences, joined)
            for rows, sentences in zip(
                # The batch is sorted by length: every k-th text makes workers equally slow.
                np.array_split(whole[worker::workers], parts),
                [joined[worker + part * workers :: workers * parts] for part in range(parts)],
                strict=True,
            )
        ]

    def sequence(self, row: int) -> Rows:
        """Return the ids of the window of text `row`, between [CLS] and [SEP]."""
        pieces = self.store.pieces(row)[self.start[row] : self.end[row]]
        return np.concatenate([self.blank[:1], pieces, self.blank[1:]]).astype(np.int64)

    def shown(self, batches: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield token ids and masks of some of the run's batches, spread over all of it."""
        for step in np.linspace(0, len(self.batches) - 1, batches).astype(int):
            ids, mask = padded([self.sequence(int(row)) for row in self.batches[step]])
            yield ids.to(device), mask.to(device)

    def mean_tokens(self) -> float:
        """Mean tokens of a text that the run sees."""
        drawn = np.concatenate(self.batches)
        return float((self.end - self.start)[drawn].mean()) + len(self.blank)

    def _piece(
        self,
        rows: Rows,
        whole: Rows,
        sentences: list[TaggedSentence],
        joined: list[TaggedSentence],
    ) -> Piece:
        ids, mask = padded([self.sequence(int(row)) for row in rows])
        return Piece(
            ids,
            mask,
            torch.from_numpy(self.store.label[rows]),
            torch.from_numpy(self.store.binary[rows]),
            len(rows) / len(whole),
            marked_batch(sentences, joined) if sentences else None,
            None if self.teacher is None else self.teacher[rows],
        )


def read_training_examples(data: Path, settings: TrainSettings) -> Examples:
    """Read the training files of `data`, keeping the sources that the settings name, and the
    project's own examples where the settings ask for them.

    Raises:
        InvalidExamplesError: a file is unfit, or a named source is in none of them.
    """
    everything = read_everything(data, settings)
    return everything.take(_rows_of(everything.source, data, settings))


def open_corpus(
    data: Path, work: Path, settings: TrainSettings, log: Callable[[str], None]
) -> Corpus:
    """Tokenise the training files into `work`/tokens, or map what is there, and plan the run.

    Raises:
        InvalidExamplesError: a file is unfit, or a named source is in none of them.
        ValueError: the texts are too few for so many steps.
    """
    tokenizer_file = pretrained_folder() / TOKENIZER_FILE
    files = [data / name for name in settings.train_files]
    for file in files:
        if not file.is_file():
            raise InvalidExamplesError(f"{file}: no such file")

    def read() -> Examples:
        log("tokenising the training files, once")
        return read_everything(data, settings)

    key = store_key(files, tokenizer_file, settings.own_examples)
    store = open_store(work / "tokens", key, tokenizer_file, read)
    rows = _rows_of(store.source, data, settings)
    start, end = np.zeros_like(store.length), store.length.copy()
    start[rows], end[rows] = window_of_each(
        store.length[rows], settings.window_tokens, settings.seed
    )
    drawn = rows[draw(_Some(store.label[rows], store.source[rows]), settings)]
    tokenizer = WindowTokenizer(tokenizer_file, settings.window_tokens)
    marked, marked_batches = _marked(data, tokenizer, settings)
    return Corpus(
        store=store,
        start=start,
        end=end,
        batches=plan_by_length(drawn, end - start, settings),
        marked=marked,
        marked_batches=marked_batches,
        blank=(tokenizer.blank[0], tokenizer.blank[1]),
        texts=len(rows),
    )


@dataclass(frozen=True, slots=True)
class _Some:
    """Some of a store's texts, as `draw` wants them."""

    label: Rows
    source: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.label)


def read_everything(data: Path, settings: TrainSettings) -> Examples:
    """Read the training files of `data`, every source, as a corpus numbers them."""
    parts = [labelled.read(data / name) for name in settings.train_files]
    if settings.own_examples:
        own = own_examples()
        parts.append(
            Examples(
                [example.text for example in own],
                np.asarray([example.label for example in own], dtype=np.int64),
                np.asarray([example.source for example in own], dtype=np.str_),
                np.asarray([example.binary for example in own], dtype=np.bool_),
            )
        )
    return labelled.concatenate(parts)


def _rows_of(source: npt.NDArray[np.str_], data: Path, settings: TrainSettings) -> Rows:
    absent = set(settings.sources) - set(source.tolist())
    if absent:
        raise InvalidExamplesError(f"{data}: no texts of source(s) {', '.join(sorted(absent))}")
    wanted = [*settings.sources, *([OWN_SOURCE] if settings.own_examples else [])]
    return np.flatnonzero(np.isin(source, wanted))


def _marked(
    data: Path, tokenizer: WindowTokenizer, settings: TrainSettings
) -> tuple[list[TaggedSentence], dict[int, Rows]]:
    if not settings.aspect_every:
        return [], {}
    marked = tag(read_aspects(data / settings.aspects_file, "train"), tokenizer)
    joins = range(0, settings.steps, settings.aspect_every)
    batches = plan(len(marked), settings.aspect_batch_size, len(joins), settings.seed)
    return marked, dict(zip(joins, batches, strict=True))
