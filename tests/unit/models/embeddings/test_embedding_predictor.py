"""The committed embeddings: near what means the same, stable, and never failing on odd text."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from models.artifacts import ArtifactError
from models.embeddings.cache import cached
from models.embeddings.fidelity import fidelity
from models.embeddings.lock import read_lock
from models.embeddings.predictor import ARTIFACT, DIMENSIONS, EmbeddingPredictor, pool
from models.embeddings.sentences import SENTENCES

LEAST_COSINE_IN_COMPANY = 0.95
"""Of a text embedded alone and among others; see `EmbeddingPredictor`."""


def test_every_embedding_has_length_one(embeddings: EmbeddingPredictor) -> None:
    vectors = embeddings.embed(SENTENCES)
    assert vectors.shape == (len(SENTENCES), DIMENSIONS)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(SENTENCES)), abs=1e-5)


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("Where is my parcel?", "The package has not arrived", "I love this restaurant"),
        ("How do I reset my password?", "I cannot log in any more", "The soup was cold"),
        ("Give me my money back", "I demand a refund", "Is the museum open on Mondays?"),
    ],
)
def test_what_means_the_same_is_nearer(
    embeddings: EmbeddingPredictor, text: str, near: str, far: str
) -> None:
    vectors = embeddings.embed([text, near, far])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


def test_a_text_alone_and_in_company_has_nearly_the_same_vector(
    embeddings: EmbeddingPredictor,
) -> None:
    together = embeddings.embed(SENTENCES)
    alone = np.concatenate([embeddings.embed([text]) for text in SENTENCES])
    assert fidelity(alone, together)["least_cosine"] >= LEAST_COSINE_IN_COMPANY


def test_the_same_list_gives_the_same_vectors(embeddings: EmbeddingPredictor) -> None:
    assert np.array_equal(embeddings.embed(SENTENCES[:9]), embeddings.embed(SENTENCES[:9]))


@pytest.mark.parametrize("text", ["", "   \n\t", "\u200b", "\x00\x01"])
def test_a_text_without_a_token_is_the_zero_vector(
    embeddings: EmbeddingPredictor, text: str
) -> None:
    vectors = embeddings.embed([text, "hello"])
    assert not vectors[0].any()
    assert vectors[1].any()


def test_no_texts_give_no_vectors(embeddings: EmbeddingPredictor) -> None:
    assert embeddings.embed([]).shape == (0, DIMENSIONS)


@pytest.mark.parametrize(
    "text", ["👍🏽🎉", "很好，谢谢", "مرحبا", "e\u0301te\u0301", "\ud800 lone", "a" * 300]
)
def test_any_unicode_has_a_vector(embeddings: EmbeddingPredictor, text: str) -> None:
    assert np.linalg.norm(embeddings.embed([text])[0]) == pytest.approx(1, abs=1e-5)


def test_a_long_text_is_embedded_whole(embeddings: EmbeddingPredictor) -> None:
    shipping = "The parcel was late and the courier left it in the rain. "
    cooking = "Stir the soup, add the lentils and let it simmer with cumin. "
    text = (shipping * 100)[:5000] + (cooking * 100)[:5000]
    assert len(text) == 10_000
    whole, first, last = embeddings.embed([text, shipping, cooking])
    assert np.linalg.norm(whole) == pytest.approx(1, abs=1e-5)
    assert whole @ first > 0.4
    assert whole @ last > 0.4


def test_windows_are_weighted_by_their_length() -> None:
    east, north = np.eye(DIMENSIONS, dtype=np.float32)[:2]
    joined = pool(np.stack([east, north]), [3, 4])
    assert joined[:2] == pytest.approx([0.6, 0.8])
    assert np.array_equal(pool(east[None], [9]), east)
    assert not pool(np.zeros((0, DIMENSIONS), dtype=np.float32), []).any()


def test_windows_that_cancel_out_give_the_zero_vector() -> None:
    east = np.eye(DIMENSIONS, dtype=np.float32)[:1]
    assert not pool(np.concatenate([east, -east]), [5, 5]).any()


def test_the_lock_says_how_near_int8_is_to_fp32() -> None:
    lock = read_lock(ARTIFACT)
    kept = lock.metrics["reduced_range" if lock.reduced_range else "full_range"]
    assert kept["mean_cosine"] == max(tried["mean_cosine"] for tried in lock.metrics.values())
    assert kept["mean_cosine"] >= 0.98


def test_an_altered_artefact_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "artifact"
    shutil.copytree(ARTIFACT, folder)
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ArtifactError, match="tokenizer"):
        EmbeddingPredictor.load(folder)


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"version": 1})])
def test_a_broken_lock_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "artifact.lock.json").write_text(content, encoding="utf-8")
    with pytest.raises(ArtifactError, match="lock"):
        read_lock(tmp_path)


def test_cached_embeddings_are_made_once(embeddings: EmbeddingPredictor, tmp_path: Path) -> None:
    lines: list[str] = []
    first = cached(SENTENCES[:4], embeddings, tmp_path, lines.append)
    again = cached(SENTENCES[:4], embeddings, tmp_path, lines.append)
    assert len(lines) == 1
    assert np.array_equal(first, again)
    assert np.array_equal(first, embeddings.embed(SENTENCES[:4]))
    other = cached(SENTENCES[4:8], embeddings, tmp_path, lines.append)
    assert len(lines) == 2
    assert not np.array_equal(first, other)
