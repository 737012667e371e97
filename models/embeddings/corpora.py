"""Texts with categories, on which what stands on the embeddings is trained and measured.

Every reader draws at most so many texts of each category, the same ones every time.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

MOST_CHARACTERS = 400
"""Longer reviews are left out of the draw: they say many things at once."""

_TEST_SHARE = 0.25
"""Of each category, where a file has no split of its own."""

_PLACEHOLDER = re.compile(r"\{\{([^}]*)\}\}")


@dataclass(frozen=True, slots=True)
class Corpus:
    """n texts of one source, and the category of each; `test` marks those to measure on."""

    name: str
    text: list[str]
    category: list[str]
    test: list[bool]


Row = tuple[str, str, bool]
"""Text, category, whether it is a test text."""


def banking77(data: Path) -> Corpus:
    """Questions to a bank, 77 categories."""
    table = pq.read_table(data / "intents_banking77.parquet").to_pylist()
    rows = [(row["text"], row["category"], row["split"] == "test") for row in table]
    return _draw("banking77", rows, most_train=50, most_test=20)


def bitext(data: Path) -> Corpus:
    """Requests to a shop, 11 categories, made from templates; no split of their own."""
    table = pq.read_table(data / "support_prompts_bitext.parquet").to_pylist()
    generator = random.Random("bitext")  # noqa: S311
    rows = [
        (fill(row["instruction"], generator), row["category"], generator.random() < _TEST_SHARE)
        for row in table
    ]
    return _draw("bitext", rows, most_train=300, most_test=60)


def airline_reasons(data: Path) -> Corpus:
    """Unhappy tweets to airlines, by reason; those whose reason nobody could tell are left out."""
    table = pq.read_table(data / "airline_reasons.parquet").to_pylist()
    rows = [
        (row["text"], row["reason"], row["split"] == "dev")
        for row in table
        if row["reason"] != "Can't Tell"
    ]
    return _draw("airline_reasons", rows, most_train=400, most_test=80)


def reviews(data: Path) -> Corpus:
    """Short customer reviews, negative or positive."""
    rows = [
        (row["text"], "positive" if row["label"] else "negative", test)
        for name, test in (("reviews_train.parquet", False), ("reviews_dev.parquet", True))
        for row in pq.read_table(data / name).to_pylist()
        if row["label"] != 1 and len(row["text"]) <= MOST_CHARACTERS
    ]
    return _draw("reviews", rows, most_train=1500, most_test=300)


def fill(template: str, generator: random.Random) -> str:
    """Replace each {{placeholder}} by a made-up value, so that nobody learns from braces."""
    return _PLACEHOLDER.sub(lambda match: _value(match[1], generator), template)


def _value(name: str, generator: random.Random) -> str:
    makers: dict[str, Callable[[], str]] = {
        "Order Number": lambda: generator.choice(["#{}", "LK-{}", "{}", "no. {}"]).format(
            generator.randint(1000, 999_999)
        ),
        "Invoice Number": lambda: f"INV-{generator.randint(100, 99_999)}",
        "Account Type": lambda: generator.choice(["basic", "premium", "family", "student"]),
        "Account Category": lambda: generator.choice(["business", "gold", "standard", "trial"]),
        "Person Name": lambda: generator.choice(["Asha Rao", "Tom Weir", "Lucia Marin", "Kofi"]),
        "Refund Amount": lambda: str(generator.randint(5, 900)),
        "Currency Symbol": lambda: generator.choice(["$", "£", "€"]),
        "Delivery City": lambda: generator.choice(["Bristol", "Nairobi", "Lyon", "Pune"]),
        "Delivery Country": lambda: generator.choice(["Ireland", "Kenya", "France", "India"]),
    }
    return makers[name]() if name in makers else "it"


def _draw(name: str, rows: Iterable[Row], *, most_train: int, most_test: int) -> Corpus:
    """Draw texts of each category and part; a text counts once, as what it is met as first."""
    groups: defaultdict[tuple[str, bool], list[str]] = defaultdict(list)
    seen: set[str] = set()
    # Test texts first: one that recurs among those to learn from must not be learned.
    for text, category, test in sorted(rows, key=lambda row: not row[2]):
        folded = " ".join(text.casefold().split())
        if folded not in seen:
            seen.add(folded)
            groups[category, test].append(text)
    drawn: list[Row] = []
    for category, test in sorted(groups):
        members = groups[category, test]
        random.Random(f"{name} {category} {test}").shuffle(members)  # noqa: S311
        most = most_test if test else most_train
        drawn += [(text, category, test) for text in members[:most]]
    return Corpus(
        name,
        [text for text, _, _ in drawn],
        [category for _, category, _ in drawn],
        [test for _, _, test in drawn],
    )
