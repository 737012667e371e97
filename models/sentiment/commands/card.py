"""Write the tables of the model card anew."""

from __future__ import annotations

import argparse

from models.sentiment.card import CARD, read_locks, render

NAME = "card"
HELP = "write the model card's tables from the artefacts' locks"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare nothing: the card and the locks are those of this repository."""


def run(options: argparse.Namespace) -> int:
    """Rewrite the card in place."""
    del options
    CARD.write_text(render(CARD.read_text(encoding="utf-8"), read_locks()), encoding="utf-8")
    return 0
