"""The model card states what was measured, and nothing else."""

from __future__ import annotations

from pathlib import Path

from models.sentiment.lock import read_lock
from models.sentiment.predictor import ARTIFACT

CARD = (Path(ARTIFACT).parent / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_the_card_is_about_the_committed_version() -> None:
    lock = read_lock(ARTIFACT)
    assert f"# Model card: {lock.version}" in CARD
    assert f"temperature of {lock.temperature}" in CARD


def test_every_dev_figure_in_the_card_is_the_locks() -> None:
    metrics = read_lock(ARTIFACT).metrics
    fp32, served = metrics["fp32"], metrics["calibrated"]
    rows = {"all": (fp32, served)} | {
        name: (fp32["sources"][name], served["sources"][name]) for name in served["sources"]
    }
    for name, (reference, quantised) in rows.items():
        row = (
            f"| {name} | {quantised['n']} | {quantised['accuracy']:.4f} "
            f"| {quantised['macro_f1']:.4f} | {reference['accuracy']:.4f} "
            f"| {reference['macro_f1']:.4f} |"
        )
        assert row in CARD
