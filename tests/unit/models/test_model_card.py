"""The model card states what was measured, and nothing else."""

from __future__ import annotations

import pytest

from models.sentiment.card import CARD, TABLES, UnknownTableError, read_locks, render

TEXT = CARD.read_text(encoding="utf-8")


def test_every_table_of_the_card_is_what_the_locks_say() -> None:
    assert render(TEXT, read_locks()) == TEXT


def test_the_card_has_every_table() -> None:
    assert all(f"<!-- table: {name} -->" in TEXT for name in TABLES)


def test_the_card_is_about_the_committed_version() -> None:
    assert TEXT.startswith(f"# Model card: {read_locks()['full']['version']}\n")


def test_another_figure_in_a_lock_is_another_card() -> None:
    locks = read_locks()
    locks["full"]["metrics"]["calibrated"]["accuracy"] = 0.1234
    assert "0.1234" in render(TEXT, locks)
    assert "0.1234" not in TEXT


def test_an_unknown_table_is_refused_by_name() -> None:
    with pytest.raises(UnknownTableError, match="latency: not one of"):
        render("<!-- table: latency -->\n<!-- end -->", {})
