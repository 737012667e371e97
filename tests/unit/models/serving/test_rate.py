"""What runs cost, learned from them."""

import pytest

from models.serving.rate import RunCost


def test_fixed_cost_and_cost_of_a_token_are_told_apart() -> None:
    cost = RunCost()
    for tokens in (10, 500, 60, 200):
        cost.observe(tokens, 0.002 + tokens * 0.0001)
    assert cost.fixed == pytest.approx(0.002)
    assert cost.per_token == pytest.approx(0.0001)
    assert cost.seconds(100) == pytest.approx(0.012)


def test_runs_of_one_size_only_put_all_on_the_tokens() -> None:
    cost = RunCost()
    for _ in range(10):
        cost.observe(100, 0.01)
    assert cost.fixed == 0.0
    assert cost.seconds(50) == pytest.approx(0.005)


def test_a_machine_that_slows_down_is_noticed() -> None:
    cost = RunCost()
    for step in range(400):
        tokens = 20 + step % 3 * 40
        cost.observe(tokens, tokens * (0.0001 if step < 200 else 0.0003))
    assert cost.seconds(100) == pytest.approx(0.03, rel=0.05)


def test_no_cost_is_ever_negative() -> None:
    cost = RunCost()
    for tokens, seconds in ((10, 0.02), (100, 0.01), (50, 0.0)):
        cost.observe(tokens, seconds)
    assert cost.fixed >= 0.0
    assert cost.per_token >= 0.0
