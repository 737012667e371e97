"""Customer messages to measure with: generated, or a file's."""

from __future__ import annotations

import math
import random
import re
from pathlib import Path

_SEED = 20_260
_MEDIAN_WORDS = 20
_SPREAD = 0.85
_FEWEST_WORDS = 3
_MOST_WORDS = 260

_PLACEHOLDER = re.compile(r"\{(\w+)\}")

_SLOTS = {
    "thing": [
        "kettle", "suitcase", "rain jacket", "desk lamp", "wireless mouse", "coffee grinder",
        "monthly plan", "phone case", "running shoes", "baby monitor", "electric toothbrush",
        "mattress", "garden hose", "gift card", "noise-cancelling headset",
    ],
    "part": [
        "zip", "handle", "battery", "lid", "charger", "screen", "strap", "power button", "filter",
        "instruction leaflet", "left hinge", "warranty card",
    ],
    "who": [
        "your support team", "the courier", "the agent on the phone", "someone in the chat",
        "the shop downtown", "your billing department", "the technician", "Priya from returns",
    ],
    "good": [
        "quick", "friendly", "spotless", "better than I had hoped", "worth every cent",
        "surprisingly quiet", "sturdy", "easy to set up", "a delight",
    ],
    "bad": [
        "slow", "rude", "scratched", "far too loud", "a waste of money", "late again", "confusing",
        "flimsy", "nothing like the picture",
    ],
    "when": [
        "yesterday", "on Monday", "three weeks ago", "last night", "on 14 March", "this morning",
        "right after the update", "during the holidays",
    ],
    "number": ["2", "3", "40", "A-20417", "17.50", "0081-553", "12", "99"],
}  # fmt: skip

_SENTENCES = (
    "I ordered the {thing} {when} and it was {good}.",
    "The {part} of my {thing} broke after {number} days.",
    "Honestly, {who} was {bad} about it.",
    "Thanks to {who}, the whole thing was {good}!",
    "Order {number} still says 'in transit' and nobody can tell me why.",
    "Could you please tell me how to change the address on order {number}?",
    "I was charged {number} euros twice {when}, and I'd like one of them back.",
    "The {thing} itself is {good}, but the {part} is {bad}.",
    "{who} promised a call back {when}; it never came.",
    "My old {thing} lasted ten years, this one not even {number} weeks.",
    "Delivery was {good}, the box was {bad}.",
    "Where do I find the invoice for the {thing} that I bought {when}?",
    "It does what it says.",
    "Never again.",
    "Love it!!!",
    "Please cancel my subscription, number {number}, before it renews.",
    "I've now written {number} times about the {part} and each time got the same canned answer.",
    "The app crashes whenever I open the page with my {thing}.",
    "Set-up took {number} minutes and the {part} clicked right into place.",
    "Not sure yet whether I'll keep the {thing}, the {part} feels {bad} to me.",
    "If {who} hadn't stepped in {when}, I would have sent the {thing} back.",
)


def generate(count: int) -> list[str]:
    """Return `count` distinct messages, always the same ones.

    Lengths in words are log-normal around a median of 20 (about 25 word pieces), up to 260, as
    customers write: many short notes and a tail of long complaints.
    """
    source = random.Random(_SEED)
    texts: dict[str, None] = {}
    while len(texts) < count:
        words = math.exp(source.gauss(math.log(_MEDIAN_WORDS), _SPREAD))
        texts[_message(source, min(max(int(words), _FEWEST_WORDS), _MOST_WORDS))] = None
    return list(texts)


def _message(source: random.Random, words: int) -> str:
    """Write sentences until there are enough words, and stop there even within a sentence."""
    written: list[str] = []
    while len(written) < words:
        sentence = _PLACEHOLDER.sub(
            lambda slot: source.choice(_SLOTS[slot[1]]), source.choice(_SENTENCES)
        )
        written += (sentence[0].upper() + sentence[1:]).split()
    return " ".join(written[:words])


def read(path: Path, count: int) -> list[str]:
    """Return up to `count` distinct texts of a Parquet file's column `text`, drawn with a fixed
    seed.

    Raises:
        ValueError: there is no such column, or no text in it.
    """
    import pyarrow.parquet  # only this way of calling needs it

    if "text" not in pyarrow.parquet.read_schema(path).names:
        raise ValueError(f"{path}: no column named text")
    column = pyarrow.parquet.read_table(path, columns=["text"])["text"].to_pylist()
    texts = list(dict.fromkeys(text for text in column if text and text.strip()))
    if not texts:
        raise ValueError(f"{path}: holds no text")
    return random.Random(_SEED).sample(texts, min(count, len(texts)))
