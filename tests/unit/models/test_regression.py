"""Whether a loss is chance."""

from __future__ import annotations

import numpy as np
import pytest

from models.sentiment.regression import compare


def test_the_bootstrap_agrees_with_the_exact_sign_test() -> None:
    # 20 texts that only the old model knows, 8 that only the new one knows. McNemar's exact test
    # gives P(at most 8 of 28 by fair coin) = 0.0178.
    label = np.ones(1000, dtype=np.int64)
    old, new = label.copy(), label.copy()
    old[:8], new[8:28] = 0, 0
    change = compare(label, old, new)["accuracy"]
    assert (change["locked"], change["candidate"]) == (0.992, 0.98)
    assert change["p"] == pytest.approx(0.0178, abs=0.01)
    assert compare(label, new, old)["accuracy"]["p"] == 1.0


def test_macro_f1_is_that_of_the_metrics() -> None:
    label = np.asarray([0, 0, 1, 1, 2, 2])
    answer = np.asarray([0, 1, 1, 1, 2, 0])
    # F1: negative 2/4, neutral 4/5, positive 2/3.
    assert compare(label, label, answer)["macro_f1"]["candidate"] == pytest.approx(
        (1 / 2 + 4 / 5 + 2 / 3) / 3, abs=5e-5
    )
    assert compare(label, label, label)["macro_f1"]["candidate"] == 1.0
