"""Rounding while learning, and the INT8 graph that computes the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import onnxruntime
import torch

from models.encoder.int8 import input_ranges, write_int8
from models.encoder.rounding import (
    INPUT_LEVELS,
    WEIGHT_LEVELS,
    Projection,
    calibrate,
    is_calibrated,
    projections,
    set_rounding,
)
from models.sentiment.training.artifact_weights import read_artifact_weights
from models.sentiment.training.classifier import SentimentClassifier
from models.sentiment.training.graph import write_fp32

WINDOW = 24


@pytest.fixture(scope="module")
def network() -> SentimentClassifier:
    torch.manual_seed(3)
    network = SentimentClassifier(layers=2, dropout=0.1, inner=64)
    with torch.no_grad():
        for _, projection in projections(network):
            projection.weight.mul_(4)
    network.eval()
    return network


def texts(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    mask = torch.ones(count, WINDOW)
    mask[0, 9:] = 0
    return torch.randint(1000, 30000, (count, WINDOW), generator=generator), mask


def known(network: SentimentClassifier) -> SentimentClassifier:
    calibrate(network, network.hidden, [texts(8, seed) for seed in range(4)])
    return network


def test_a_projection_rounds_as_it_says() -> None:
    projection = Projection(3, 2)
    with torch.no_grad():
        projection.weight.copy_(torch.tensor([[0.64, -0.015, 0.3], [2.0, 0.0, -6.4]]))
        projection.bias.zero_()
    projection.low.fill_(-1.0)
    projection.high.fill_(1.55)
    projection.rounds = True
    # Inputs in steps of 0.01, weights in steps of 0.01 and 0.1; 9.0 is cut to the range's end.
    found = projection(torch.tensor([[0.104, -0.3, 9.0]]))
    by_hand = torch.tensor([[0.10 * 0.64 + 0.3 * 0.02 + 1.55 * 0.3, 0.10 * 2.0 - 1.55 * 6.4]])
    torch.testing.assert_close(found, by_hand, atol=1e-5, rtol=0)


def test_gradients_pass_through_rounding_but_not_through_a_cut() -> None:
    projection = Projection(2, 1)
    projection.low.fill_(0.0)
    projection.high.fill_(1.0)
    projection.rounds = True
    values = torch.tensor([[0.5, 3.0]], requires_grad=True)
    projection(values).sum().backward()
    assert values.grad is not None
    assert values.grad[0, 0] != 0
    assert values.grad[0, 1] == 0
    assert projection.weight.grad is not None
    assert (projection.weight.grad != 0).all()


def test_a_rare_large_value_is_cut_where_that_rounds_the_others_better() -> None:
    projection = Projection(1, 1)
    generator = torch.Generator().manual_seed(1)
    batches = [torch.randn(20_000, 1, generator=generator) for _ in range(16)]
    batches[3][17] = 9.0
    calibrate(projection, lambda values, _: projection(values), [(each, each) for each in batches])
    usual = max(float(each.max()) for number, each in enumerate(batches) if number != 3)
    assert usual * 0.8 < float(projection.high) < 9.0
    assert float(projection.low) == pytest.approx(
        min(float(each.min()) for each in batches), rel=0.25
    )


def test_calibrating_leaves_the_network_as_it_was(network: SentimentClassifier) -> None:
    fresh = SentimentClassifier(layers=1, inner=8)
    fresh.train()
    assert not is_calibrated(fresh)
    before = {name: value.clone() for name, value in fresh.state_dict().items()}
    calibrate(fresh, fresh.hidden, [texts(2, 0)])
    assert is_calibrated(fresh)
    assert fresh.training
    for name, value in fresh.state_dict().items():
        assert name.endswith((".low", ".high")) or torch.equal(value, before[name])


def test_the_int8_graph_says_what_the_rounding_network_says(
    network: SentimentClassifier, tmp_path: Path
) -> None:
    known(network)
    write_fp32(network, WINDOW, tmp_path / "fp32.onnx")
    write_int8(
        tmp_path / "fp32.onnx",
        tmp_path / "int8.onnx",
        reduce_range=True,
        ranges=input_ranges(network),
    )
    ids, mask = texts(6, seed=9)
    with torch.no_grad():
        exact = network(ids, mask).numpy()
        set_rounding(network, on=True)
        rounded = network(ids, mask).numpy()
        set_rounding(network, on=False)
    session = onnxruntime.InferenceSession(tmp_path / "int8.onnx")

    def served(rows: slice) -> npt.NDArray[np.float32]:
        feed = {"ids": ids[rows].int().numpy(), "mask": mask[rows].int().numpy()}
        logits: npt.NDArray[np.float32] = session.run(["logits"], feed)[0]
        return logits

    all_at_once = served(slice(None))
    # Embeddings are rounded too, in the graph alone.
    assert np.abs(all_at_once - rounded).max() < 0.5 * np.abs(all_at_once - exact).max() + 0.02
    assert np.abs(rounded - exact).max() > 1e-4
    # Company changes nothing: ranges are not taken from the batch.
    for row in range(len(ids)):
        np.testing.assert_allclose(served(slice(row, row + 1))[0], all_at_once[row], atol=1e-5)


def test_ranges_come_back_from_the_graph(network: SentimentClassifier, tmp_path: Path) -> None:
    known(network)
    ranges = input_ranges(network)
    write_fp32(network, WINDOW, tmp_path / "fp32.onnx")
    write_int8(tmp_path / "fp32.onnx", tmp_path / "int8.onnx", reduce_range=True, ranges=ranges)
    state = read_artifact_weights(tmp_path / "int8.onnx")
    for name, projection in projections(network):
        step = float((projection.high - projection.low) / INPUT_LEVELS)
        assert float(state[f"{name}.low"]) == pytest.approx(float(projection.low), abs=step)
        assert float(state[f"{name}.high"]) == pytest.approx(float(projection.high), abs=step)
        largest = projection.weight.detach().abs().amax(1, keepdim=True)
        off = (state[f"{name}.weight"] - projection.weight.detach()).abs()
        assert (off <= largest / WEIGHT_LEVELS * 0.51).all()
    again = SentimentClassifier(layers=2, inner=64)
    whole = again.state_dict()
    again.load_state_dict(
        whole | {name: state[name] for name in whole if name.startswith("layers")}
    )
    for name, (scale, zero) in input_ranges(again).items():
        assert (scale, zero) == pytest.approx(ranges[name])
