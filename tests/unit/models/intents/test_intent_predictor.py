"""The committed heads, and the card that tells of them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from customerai.domain.analysis import Intent, Urgency
from models.artifacts import ArtifactError
from models.embeddings.predictor import EmbeddingPredictor
from models.intents.lock import read_lock
from models.intents.predictor import ARTIFACT, IntentPredictor
from models.intents.sources import SENTENCES, SOURCES

CARD = (Path(ARTIFACT).parent / "MODEL_CARD.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def predictor() -> IntentPredictor:
    return IntentPredictor.load()


@pytest.mark.parametrize(
    ("text", "intent", "urgency"),
    [
        ("I want my money back for the broken toaster.", Intent.REFUND, Urgency.NORMAL),
        ("Thank you, the staff were lovely!", Intent.PRAISE, Urgency.LOW),
        ("Someone stole my card and is spending my money!", Intent.PAYMENT, Urgency.HIGH),
        ("Where is my package?", Intent.DELIVERY, Urgency.NORMAL),
        ("Please cancel my subscription.", Intent.CANCELLATION, Urgency.NORMAL),
    ],
)
def test_plain_texts_are_understood(
    predictor: IntentPredictor,
    embeddings: EmbeddingPredictor,
    text: str,
    intent: Intent,
    urgency: Urgency,
) -> None:
    ((found, soon),) = predictor.classify(embeddings.embed([text]))
    assert found is not None
    assert found.label is intent
    assert soon is not None
    assert soon.label is urgency
    assert 0 < found.confidence <= 1


def test_blank_texts_have_neither(
    predictor: IntentPredictor, embeddings: EmbeddingPredictor
) -> None:
    assert predictor.classify(embeddings.embed(["", " \n "])) == [(None, None), (None, None)]
    assert predictor.classify(embeddings.embed([])) == []


def test_a_batch_is_answered_as_each_text_alone(
    predictor: IntentPredictor, embeddings: EmbeddingPredictor
) -> None:
    texts = ["Where is it?", "Cancel, please 👍", "很好", "ok", "Refund me. " * 900]
    vectors = embeddings.embed(texts)
    for row, together in enumerate(predictor.classify(vectors)):
        (alone,) = predictor.classify(vectors[row : row + 1])
        for one, other in zip(together, alone, strict=True):
            assert (one is None) == (other is None)
            if one is not None and other is not None:
                assert one.label == other.label
                assert one.confidence == pytest.approx(other.confidence, abs=1e-5)


def test_every_answer_is_above_its_threshold(predictor: IntentPredictor) -> None:
    heads = read_lock(ARTIFACT).heads
    vectors = np.random.default_rng(0).normal(size=(300, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    answers = predictor.classify(vectors)
    given = [intent.confidence for intent, _ in answers if intent]
    assert min(given, default=1.0) >= heads["intent"].threshold
    assert len(given) < len(answers)
    soon = [urgency.confidence for _, urgency in answers if urgency]
    assert min(soon, default=1.0) >= heads["urgency"].threshold


def test_altered_heads_are_refused(tmp_path: Path) -> None:
    shutil.copytree(ARTIFACT, tmp_path / "artifact")
    heads = tmp_path / "artifact" / "heads.npz"
    heads.write_bytes(heads.read_bytes()[:-1] + b"?")
    with pytest.raises(ArtifactError, match=r"heads\.npz"):
        IntentPredictor.load(tmp_path / "artifact")


def test_heads_of_other_classes_are_refused(tmp_path: Path) -> None:
    shutil.copytree(ARTIFACT, tmp_path / "artifact")
    lock = read_lock(ARTIFACT)
    other = {"intent": replace(lock.heads["intent"], classes=("joy", "sorrow"))}
    replace(lock, heads=lock.heads | other).write(tmp_path / "artifact")
    with pytest.raises(ArtifactError, match="intent head"):
        IntentPredictor.load(tmp_path / "artifact")


def test_the_card_states_the_locks_figures_and_nothing_else() -> None:
    lock = read_lock(ARTIFACT)
    assert f"# Model card: {lock.version}" in CARD
    for name, sources in lock.metrics.items():
        head = lock.heads[name]
        assert f"| {name} | {head.temperature} | {head.threshold} |" in CARD
        for source, measured in sources.items():
            row = (
                f"| {name} | {source} | {measured['n']} | {measured['accuracy']:.4f} "
                f"| {measured['macro_f1']:.4f} | {measured['ece']:.4f} "
                f"| {measured['answered']:.4f} | {measured['precision']:.4f} |"
            )
            assert row in CARD


def test_the_card_names_every_source_with_its_terms() -> None:
    learned = read_lock(ARTIFACT).training["sources"]
    assert set(learned) == set(SOURCES)
    for name, described in learned.items():
        assert described["terms"] == SOURCES[name].terms
        row = f"| {name} | {described['learned']} | {described['test']} | {described['weight']} |"
        assert f"{row} {described['terms']} |" in CARD


def test_our_own_sentences_are_enough_and_none_is_used_twice() -> None:
    learn, test = (
        [line.split("\t") for line in (SENTENCES / name).read_text("utf-8").splitlines()]
        for name in ("train.tsv", "test.tsv")
    )
    assert len(learn) >= 200
    assert len(test) >= 120
    texts = [text.casefold() for _, _, text in (*learn, *test)]
    assert len(set(texts)) == len(texts)
    for part in (learn, test):
        assert {intent for intent, _, _ in part} == set(Intent)
        assert {urgency for _, urgency, _ in part} == set(Urgency)
