"""The training loop: the labels' loss and the teacher's, until the dev texts stop gaining.

Short enough to need no checkpoint: what takes long, asking the teacher, is kept on disk.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from customerai_static.tokens import WordPieces
from models.artifacts import TOKENIZER_FILE
from models.sentiment import examples as labelled
from models.sentiment.examples import Examples
from models.sentiment.metrics import negative_log_likelihood, report
from models.sentiment.static.batches import keep_frequent, tensors
from models.sentiment.static.network import StaticNetwork
from models.sentiment.static.settings import StaticSettings
from models.sentiment.static.start import piece_embeddings
from models.sentiment.static.teacher import draw_taught, teach
from models.sentiment.training.batches import draw, plan_by_length
from models.sentiment.training.loss import sentiment_loss
from models.sentiment.training.train import read_training_examples

_MEASURED_AT_ONCE = 512

Ids = list[list[int]]


@dataclass(frozen=True, slots=True)
class Trained:
    """The best network, the word pieces that have a row in it, and how it was found."""

    network: StaticNetwork
    kept: npt.NDArray[np.int64]
    """Tokenizer's ids, ascending: the k-th has row k. All others share the row after theirs, and
    the last row stands between texts."""

    steps: int
    """After which it was measured best."""

    taught: int
    """Training texts that the teacher answered."""


def distil(
    data: Path, teacher: Path, work: Path, settings: StaticSettings, log: Callable[[str], None]
) -> Trained:
    """Train a network on the labels and on what the teacher says.

    Args:
        data: folder of the Parquet files.
        teacher: folder of the encoder's artefact.
        work: where the teacher's answers are kept.
        settings: the run.
        log: takes one progress line at a time.

    Raises:
        InvalidExamplesError: the data does not fit.
        ArtifactError: the teacher's artefact is unfit.
    """
    torch.manual_seed(settings.seed)
    torch.set_num_threads(1)
    shared = settings.encoder_settings()
    examples = read_training_examples(data, shared)
    dev = labelled.concatenate([labelled.read(data / name) for name in settings.dev_files])
    taught = draw_taught(examples, settings.most_taught, settings.seed)
    answers = torch.from_numpy(teach(examples.text, taught, teacher, work, settings.threads, log))
    tokenizer = WordPieces(teacher / TOKENIZER_FILE)
    start = piece_embeddings(teacher, settings.embedding_width)
    sequences, dev_sequences = tokenizer.encode(examples.text), tokenizer.encode(dev.text)
    kept = keep_frequent(sequences, len(start), settings.least_uses)
    unknown = len(kept)
    row_of = np.full(len(start), unknown)
    row_of[kept] = np.arange(len(kept))
    rows, dev_rows = (
        # A text without a piece is nobody's example; it must only do no harm.
        [row_of[sequence].tolist() if sequence else [unknown] for sequence in each]
        for each in (sequences, dev_sequences)
    )
    network = StaticNetwork(np.vstack([start[kept], start.mean(axis=0)]), settings)
    known = int((~answers[:, 0].isnan()).sum())
    log(f"{len(examples)} texts, {known} of them taught, {len(kept)} word pieces")
    steps = _learn(network, examples, answers, rows, dev, dev_rows, settings, log)
    return Trained(network, kept, steps, known)


def _learn(
    network: StaticNetwork,
    examples: Examples,
    answers: Tensor,
    rows: Ids,
    dev: Examples,
    dev_rows: Ids,
    settings: StaticSettings,
    log: Callable[[str], None],
) -> int:
    """Train in place, leave the best weights, and return the step after which they were best."""
    shared = settings.encoder_settings()
    cut = [sequence[: settings.most_pieces] for sequence in rows]
    lengths = np.array([len(sequence) for sequence in cut])
    batches = plan_by_length(draw(examples, shared), lengths, shared)
    label, binary = torch.from_numpy(examples.label), torch.from_numpy(examples.binary)
    optimizer = _optimizer(network, settings)
    best = (np.inf, 0, copy.deepcopy(network.state_dict()))
    waited, recent, started = 0, 0.0, time.monotonic()
    network.train()
    for step, batch in enumerate(batches):
        rate = settings.learning_rate * (1 - step / settings.steps)
        logits = network(*_tensors([cut[row] for row in batch], network, settings))
        loss = _loss(logits, label[batch], binary[batch], answers[batch], settings)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        recent = loss.item() if not step else 0.98 * recent + 0.02 * loss.item()
        done = step + 1
        if done % settings.measure_every and done != settings.steps:
            continue
        seconds = time.monotonic() - started
        probabilities = torch.softmax(logits_of(network, dev_rows, settings), -1).double().numpy()
        measured, dev_loss = report(dev, probabilities), negative_log_likelihood(dev, probabilities)
        log(
            f"step {done}/{settings.steps} loss {recent:.4f} rate {rate:.2e} "
            f"{done * settings.batch_size / seconds:.0f} texts/s "
            f"ETA {seconds / done * (settings.steps - done) / 60:.1f} min, "
            f"on dev: loss {dev_loss:.4f} "
            f"accuracy {measured['accuracy']} macro_f1 {measured['macro_f1']}"
        )
        waited += 1
        if dev_loss < best[0]:
            best, waited = (dev_loss, done, copy.deepcopy(network.state_dict())), 0
        if waited == settings.patience:
            log(f"no gain since step {best[1]}: training ends")
            break
    network.load_state_dict(best[2])
    network.eval()
    return best[1]


def logits_of(network: StaticNetwork, rows: Ids, settings: StaticSettings) -> Tensor:
    """Return the network's logits (n, 3) of n texts; leaves it in training mode."""
    network.eval()
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    logits = torch.zeros(len(rows), 3)
    with torch.no_grad():
        for first in range(0, len(order), _MEASURED_AT_ONCE):
            some = order[first : first + _MEASURED_AT_ONCE]
            logits[some] = network(*_tensors([rows[row] for row in some], network, settings))
    network.train()
    return logits


def _loss(
    logits: Tensor, label: Tensor, binary: Tensor, answers: Tensor, settings: StaticSettings
) -> Tensor:
    """The labels' loss, and Kullback-Leibler divergence from the teacher where it was asked."""
    loss = settings.label_weight * sentiment_loss(logits, label, binary, settings.label_smoothing)
    taught = ~answers[:, 0].isnan()
    if taught.any():
        divergence = functional.kl_div(
            logits[taught].log_softmax(-1), answers[taught], reduction="sum"
        )
        loss = loss + divergence / len(logits)
    return loss


def _optimizer(network: StaticNetwork, settings: StaticSettings) -> torch.optim.Optimizer:
    """AdamW, which decays the matrices between embeddings and logits and nothing else."""
    matrices = [network.around.weight, network.inner.weight, network.outer.weight]
    known = {id(parameter) for parameter in matrices}
    others = [parameter for parameter in network.parameters() if id(parameter) not in known]
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def _tensors(
    sequences: Sequence[Sequence[int]], network: StaticNetwork, settings: StaticSettings
) -> tuple[Tensor, Tensor, Tensor]:
    return tensors(sequences, network.blank, 2**settings.pair_bits, settings.most_pieces)
