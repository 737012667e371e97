"""What each source's categories say about intent and urgency, and the texts that they label."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from customerai.domain.analysis import Intent, Urgency
from models.embeddings import corpora
from models.embeddings.corpora import Corpus
from models.intents.banking import BANKING77

OWN = "own"
SENTENCES = Path(__file__).parent / "sentences"

Label = tuple[Intent | None, Urgency | None]
"""None: the category leaves it open, and the text teaches nothing about it."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where texts are from, and on what terms."""

    read: Callable[[Path], Corpus]
    label: Callable[[str, str], Label]
    """From category and text."""

    weight: float
    """Share of what is learned, before it is divided among classes."""

    terms: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """n texts with what is known of them, row by row."""

    text: list[str]
    label: list[Label]
    source: list[str]
    test: list[bool]


_AIRLINE = {
    "Cancelled Flight": Urgency.HIGH,
    "Lost Luggage": Urgency.HIGH,
    "Late Flight": None,
    "Flight Booking Problems": Urgency.NORMAL,
    "Customer Service Issue": Urgency.NORMAL,
    "Bad Flight": Urgency.NORMAL,
    "Flight Attendant Complaints": Urgency.NORMAL,
    "longlines": Urgency.NORMAL,
    "Damaged Luggage": Urgency.NORMAL,
}

_BITEXT: dict[str, Label] = {
    "ACCOUNT": (Intent.ACCOUNT, None),
    "CANCEL": (Intent.CANCELLATION, Urgency.LOW),
    "CONTACT": (Intent.CONTACT, None),
    "DELIVERY": (Intent.DELIVERY, Urgency.LOW),
    "INVOICE": (Intent.PAYMENT, None),
    "ORDER": (Intent.ORDER, Urgency.NORMAL),
    "PAYMENT": (Intent.PAYMENT, None),
    "REFUND": (Intent.REFUND, None),
    "SHIPPING": (Intent.DELIVERY, None),
}

_CANCELS = re.compile(r"cancel|cancl|delet|clos|terminat|remov|unsubs|eliminat")
_COMPLAINS = re.compile(r"compla|claim|reclam")


def bitext_label(category: str, text: str) -> Label:
    """Split the categories that hold two intents by the words that tell them apart."""
    folded = text.casefold()
    if category in ("ORDER", "ACCOUNT", "SUBSCRIPTION") and _CANCELS.search(folded):
        return Intent.CANCELLATION, Urgency.NORMAL
    if category == "FEEDBACK":
        return (Intent.COMPLAINT, Urgency.NORMAL) if _COMPLAINS.search(folded) else (None, None)
    return _BITEXT.get(category, (None, None))


def review_label(category: str, _: str) -> Label:
    """Good reviews praise and can wait, bad ones complain."""
    if category == "positive":
        return Intent.PRAISE, Urgency.LOW
    return Intent.COMPLAINT, None


def own_label(category: str, _: str) -> Label:
    """Our own sentences say both."""
    intent, urgency = category.split()
    return Intent(intent), Urgency(urgency)


def own(_: Path) -> Corpus:
    """Sentences of our own, of many trades; those to measure on were never learned from."""
    corpus = Corpus(OWN, [], [], [])
    for name in ("train.tsv", "test.tsv"):
        for line in (SENTENCES / name).read_text(encoding="utf-8").splitlines():
            intent, urgency, text = line.split("\t")
            corpus.text.append(text)
            corpus.category.append(f"{intent} {urgency}")
            corpus.test.append(name == "test.tsv")
    return corpus


SOURCES: dict[str, Source] = {
    OWN: Source(own, own_label, 4.0, "this repository's own, Apache-2.0"),
    "banking77": Source(
        corpora.banking77,
        lambda category, _: BANKING77[category],
        1.0,
        "CC BY 4.0, PolyAI-LDN/task-specific-datasets @ 57ec275d80",
    ),
    "bitext": Source(
        corpora.bitext,
        bitext_label,
        1.0,
        "CDLA-Sharing-1.0, Bitext, by way of pmmd05/Proyecto1_IA @ 8605d817ed",
    ),
    "airline_reasons": Source(
        corpora.airline_reasons,
        lambda category, _: (Intent.COMPLAINT, _AIRLINE[category]),
        0.5,
        "believed CC BY-NC-SA 4.0: bars commercial use; "
        "Ramlah0/Twitter-US-Airline-Sentiment-Analysis @ b485e56d82",
    ),
    "reviews": Source(
        corpora.reviews,
        review_label,
        0.5,
        "25 sources, many without a stated licence, two that bar commercial use in part: "
        "see the sentiment model's NOTICE.md",
    ),
}


def labelled(name: str, data: Path) -> Labelled:
    """Read one source and label it."""
    corpus = SOURCES[name].read(data)
    label = [
        SOURCES[name].label(category, text)
        for category, text in zip(corpus.category, corpus.text, strict=True)
    ]
    return Labelled(corpus.text, label, [name] * len(label), corpus.test)
