"""What compression costs and gains: one network in several number formats, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypedDict

import numpy as np

from models.encoder.sessions import EncoderSession
from models.encoder.tokens import WindowTokenizer
from models.sentiment.calibration import fit_temperature
from models.sentiment.examples import Examples, concatenate
from models.sentiment.metrics import Report, report
from models.sentiment.predictor import SentimentPredictor, combine

_SHOWN = 100
"""Texts that are timed."""

_BATCH = 4
_MAXIMUM_ROUNDS = 50


class Figures(TypedDict):
    """One number format; times are of this machine, in this run."""

    bytes: int
    temperature: float
    """Fitted on all dev texts; `ece` below is after dividing logits by it."""

    dev: dict[str, Report]
    """By file."""

    latency_p50_ms: float
    """Median over single texts, one thread."""

    texts_per_s: float
    """One thread, sorted by length, 4 texts a run, tokenising not counted; median of the rounds."""

    speed_ratio: float
    """Median over rounds of the reference's time by this one's; above 1 is faster."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all formats are measured with.

    `dev` is labelled texts by file name; `rounds` is how often each format is timed.
    """

    tokenizer: Path
    window_tokens: int
    dev: Mapping[str, Examples]
    rounds: int = 7
    threads: int = 1
    """For accuracy only; times are of one thread."""


def compare(
    graphs: Mapping[str, Path], setting: Setting, log: Callable[[str], None]
) -> dict[str, Figures]:
    """Measure each graph; the first is the reference of `speed_ratio`.

    Args:
        graphs: name of the number format to ONNX file.
        setting: what to measure with.
        log: takes one progress line at a time.

    Raises:
        ValueError: there are no graphs, no dev texts, or not between 1 and 50 rounds.
    """
    if not graphs or not setting.dev or not 1 <= setting.rounds <= _MAXIMUM_ROUNDS:
        raise ValueError(f"needs graphs, dev texts and 1 to {_MAXIMUM_ROUNDS} rounds")
    texts = [text for examples in setting.dev.values() for text in examples.text]
    shown = texts[:: max(1, len(texts) // _SHOWN)][:_SHOWN]
    cuts = WindowTokenizer(setting.tokenizer, setting.window_tokens).encode(shown)
    sequences = sorted((window for text in cuts for window in text), key=len)
    sessions = {name: EncoderSession(graph) for name, graph in graphs.items()}
    one, all_of_them = _time(sessions, sequences, setting.rounds)
    reference = next(iter(graphs))
    figures: dict[str, Figures] = {}
    for name, graph in graphs.items():
        temperature, dev = _quality(graph, setting)
        figures[name] = Figures(
            bytes=graph.stat().st_size,
            temperature=temperature,
            dev=dev,
            latency_p50_ms=round(1e3 * median(one[name]), 2),
            texts_per_s=round(len(sequences) / median(all_of_them[name]), 1),
            speed_ratio=round(
                median(
                    theirs / ours
                    for theirs, ours in zip(all_of_them[reference], all_of_them[name], strict=True)
                ),
                3,
            ),
        )
        log(f"{name}: {figures[name]}")
    return figures


def _quality(graph: Path, setting: Setting) -> tuple[float, dict[str, Report]]:
    predictor = SentimentPredictor(
        graph,
        setting.tokenizer,
        version=graph.stem,
        window_tokens=setting.window_tokens,
        temperature=1.0,
        workers=setting.threads,
    )
    everything = concatenate(list(setting.dev.values()))
    try:
        answers = predictor.window_logits(everything.text)
    finally:
        predictor.close()
    temperature = fit_temperature(everything, answers)
    probabilities = combine(answers, temperature)
    ends = np.cumsum([len(examples) for examples in setting.dev.values()])
    return temperature, {
        name: report(examples, probabilities[end - len(examples) : end])
        for (name, examples), end in zip(setting.dev.items(), ends.tolist(), strict=True)
    }


def _time(
    sessions: Mapping[str, EncoderSession], sequences: Sequence[Sequence[int]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds of single sequences, and of all sequences in small batches, one entry a round.

    The formats take turns in every round, so that whatever else the machine does meets them alike.
    """
    one: dict[str, list[float]] = {name: [] for name in sessions}
    batched: dict[str, list[float]] = {name: [] for name in sessions}
    batches = [sequences[start : start + _BATCH] for start in range(0, len(sequences), _BATCH)]
    for session in sessions.values():
        for batch in batches:
            session.run(batch)
    for _ in range(rounds):
        for name, session in sessions.items():
            started = time.perf_counter()
            for batch in batches:
                session.run(batch)
            batched[name].append(time.perf_counter() - started)
        for sequence in sequences:
            for name, session in sessions.items():
                started = time.perf_counter()
                session.run([sequence])
                one[name].append(time.perf_counter() - started)
    return one, batched


def table(figures: Mapping[str, Figures]) -> str:
    """Return the figures as a Markdown table, one row a number format and dev file."""
    lines = [
        "| format | MB | dev file | n | accuracy | macro-F1 | ECE | p50 ms | texts/s | speed |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in figures.items():
        for file, measured in row["dev"].items():
            lines.append(
                f"| {name} | {row['bytes'] / 1e6:.1f} | {file} | {measured['n']} "
                f"| {measured['accuracy']:.4f} | {measured['macro_f1']:.4f} "
                f"| {measured['ece']:.4f} | {row['latency_p50_ms']:.2f} "
                f"| {row['texts_per_s']:.0f} | {row['speed_ratio']:.2f}x |"
            )
    return "\n".join(lines)
