"""Topics of real texts in a taxonomy of our own, and the calibration behind them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from customerai.domain.analysis import TopicMatch
from customerai.domain.taxonomy import Topic
from models.artifacts import ArtifactError
from models.embeddings.lock import read_lock
from models.embeddings.predictor import ARTIFACT as EMBEDDINGS
from models.embeddings.predictor import EmbeddingPredictor
from models.topics.calibration import ARTIFACT, FEATURES, Calibration, features, fit, load
from models.topics.matcher import TopicMatcher
from models.topics.prototypes import Vectors

CARD = (Path(ARTIFACT).parent.parent / "MODEL_CARD.md").read_text(encoding="utf-8")

TAXONOMY = (
    Topic(
        "late",
        "late delivery",
        (
            "The parcel came a week after the promised day.",
            "Still waiting for my order.",
            "The courier was four days late.",
        ),
    ),
    Topic(
        "staff",
        "unfriendly staff",
        (
            "The lady at the desk snapped at me.",
            "Your agent was rude on the phone.",
            "Nobody greeted us and the waiter rolled his eyes.",
        ),
    ),
    Topic(
        "price", "price too high", ("Far too expensive.", "The same thing costs half elsewhere.")
    ),
    Topic("app", "app crashes", ()),
)


class Matched:
    """The matcher over the real embeddings, which need no event loop."""

    def __init__(self, embeddings: EmbeddingPredictor) -> None:
        self._embeddings = embeddings
        self._matcher = TopicMatcher()

    async def match(self, vectors: Vectors, topics: Sequence[Topic]) -> list[list[TopicMatch]]:
        points = await self._matcher.prototypes(topics, self._embed)
        return self._matcher.match(vectors, topics, points)

    async def _embed(self, texts: Sequence[str]) -> Vectors:
        return self._embeddings.embed(texts)


@pytest.fixture(scope="module")
def matcher(embeddings: EmbeddingPredictor) -> Matched:
    return Matched(embeddings)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("My package should have been delivered on Monday and is still not here.", "late"),
        ("The employee at the till was very impolite to my mother.", "staff"),
        ("Much too expensive for what you get.", "price"),
        ("The app crashes whenever I open it.", "app"),
    ],
)
async def test_the_surest_topic_is_the_right_one(
    matcher: Matched, embeddings: EmbeddingPredictor, text: str, topic: str
) -> None:
    ((first, *rest),) = await matcher.match(embeddings.embed([text]), TAXONOMY)
    assert first.id == topic
    assert 0 < first.confidence <= 1
    assert all(first.confidence >= other.confidence for other in rest)


@pytest.mark.parametrize(
    "text", ["", "  ", "The eclipse begins at noon over Patagonia.", "Bees make honey."]
)
async def test_a_text_about_none_has_none(
    matcher: Matched, embeddings: EmbeddingPredictor, text: str
) -> None:
    assert await matcher.match(embeddings.embed([text]), TAXONOMY) == [[]]


async def test_a_batch_is_matched_as_each_text_alone(
    matcher: Matched, embeddings: EmbeddingPredictor
) -> None:
    texts = ["So late!", "👍 cheap", "很贵", "", "The driver was rude. " * 480]
    vectors = embeddings.embed(texts)
    for row, together in enumerate(await matcher.match(vectors, TAXONOMY)):
        (alone,) = await matcher.match(vectors[row : row + 1], TAXONOMY)
        assert [match.id for match in alone] == [match.id for match in together]
        assert [match.confidence for match in alone] == pytest.approx(
            [match.confidence for match in together], abs=1e-5
        )


async def test_a_taxonomy_of_one_topic_works(
    matcher: Matched, embeddings: EmbeddingPredictor
) -> None:
    vectors = embeddings.embed(["The parcel came four days late.", "Bees make honey."])
    assert len(await matcher.match(vectors, TAXONOMY[:1])) == 2


async def test_nothing_asked_is_nothing_answered(
    matcher: Matched, embeddings: EmbeddingPredictor
) -> None:
    assert TopicMatcher().match(embeddings.embed(["hello"]), (), embeddings.embed([])) == [[]]
    assert await matcher.match(embeddings.embed([]), TAXONOMY) == []


def test_two_topics_do_not_put_each_other_out() -> None:
    cosines = np.array([[0.7, 0.7, 0.1, 0.0], [0.7, 0.1, 0.1, 0.0]])
    share, lead = features(cosines, np.zeros(4))[:, :, 1:3].transpose(2, 0, 1)
    assert lead[0] == pytest.approx(np.array([0.6, 0.6, 0.0, -0.1]))
    assert lead[1, 0] == pytest.approx(lead[0, 0])
    assert np.exp(share).sum(axis=1) == pytest.approx(np.ones(2))
    assert np.exp(share[0, :2]) == pytest.approx([0.5, 0.5], abs=1e-4)


@pytest.mark.parametrize("topics", [1, 2])
def test_few_topics_have_features_too(topics: int) -> None:
    told = features(np.full((1, topics), 0.4), np.zeros(topics))
    assert told[0, :, 0] == pytest.approx(np.full(topics, 0.4))
    assert told[0, :, 1] == pytest.approx(np.full(topics, -np.log(topics)))
    assert told[0, :, 2] == pytest.approx(np.zeros(topics))


def test_confidence_grows_with_the_cosine() -> None:
    calibration = load()
    for examples in (0.0, 3.0, 10.0):
        near = np.linspace(0, 0.9, 10)
        cosines = np.stack([near, np.full(10, 0.1), np.full(10, 0.05)], axis=1)
        confidence = calibration.confidence(cosines, np.full(3, examples))[:, 0]
        assert (np.diff(confidence) > 0).all()


def test_the_logistic_fit_finds_the_weights() -> None:
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(20_000, 2))
    chance = 1 / (1 + np.exp(-(0.5 + rows @ np.array([2.0, -1.0]))))
    right = (generator.random(20_000) < chance).astype(float)
    bias, weights = fit(rows, right, np.ones(20_000))
    assert (bias, *weights) == pytest.approx((0.5, 2.0, -1.0), abs=0.1)


def test_the_threshold_decides() -> None:
    never = Calibration(0.0, (0.0,) * len(FEATURES), 0.6)
    points = np.ones((len(TAXONOMY), 2), np.float32)
    assert TopicMatcher(calibration=never).match(points[:1], TAXONOMY, points) == [[]]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"weights": {"cosine": 1}}'])
def test_a_broken_calibration_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ArtifactError, match="calibration"):
        load(path)


def test_the_card_states_the_measured_figures() -> None:
    stored = json.loads(ARTIFACT.read_text(encoding="utf-8"))
    assert stored["embeddings"] == read_lock(EMBEDDINGS).version
    assert f"threshold of {stored['threshold']}" in CARD
    for name, by_examples in stored["metrics"].items():
        for examples, figures in by_examples.items():
            cells = [f"{value:.4f}" for value in figures.values()]
            assert f"| {name} | {examples} | {' | '.join(cells)} |" in CARD
