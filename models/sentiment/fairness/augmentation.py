"""Counterfactual sentences to learn from: one label, many people and many spellings.

A model that meets some names mostly in complaints learns the name. Training on the same sentence
with different people teaches it that they do not matter (counterfactual data augmentation, Lu et
al. 2018, https://arxiv.org/abs/1807.11714). Names are others than those of the gate, and so are the
sentences: the gate tells whether the lesson generalises, not whether it was learned by heart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import NamedTuple

from models.sentiment.fairness import augmentation_sentences as sentences
from models.sentiment.fairness import spelling
from models.sentiment.labels import LABELS

SOURCE = "own_templates"
"""What these texts are called among the data sources."""

NAMES = (
    *("Abby", "Gareth", "Shanice", "Terrell", "Ximena", "Ramiro", "Meera", "Sanjay"),
    *("Liping", "Haoyu", "Samira", "Bilal", "Halina", "Zbigniew", "Adaobi", "Chidi"),
    *("Chiara", "Luca", "Heike", "J\u00fcrgen", "Yuki", "Kenji", "Soo-jin", "Min-jun"),
    *("Nicole", "Craig", "Tanisha", "Darnell", "Guadalupe", "Jorge", "Lakshmi", "Vikram"),
    *("Zeynep", "Mehmet", "Olga", "Dmitri", "Wanjiru", "Kamau", "Linh", "Tuan"),
    *("Siobhan", "Nuala", "Declan", "Rhys", "Bronwyn", "Monique", "Reggie", "Tasha", "Leroy"),
    *("Lupita", "Hector", "Beatriz", "Raul", "Divya", "Karthik", "Neha", "Anil", "Salma", "Tariq"),
    *("Nadia", "Farid", "Xiuying", "Guang", "Hanako", "Satoshi", "Eunice", "Jae", "Efua", "Kofi"),
    *("Zofia", "Tomasz", "Anca", "Radu", "Elodie", "Bruno", "Greta", "Lars", "Ayelet", "Moshe"),
    *("Aroha", "Tane"),
)
"""First names typical of many origins, women's and men's in turn.

The lengths of these lists have no factor in common with the number of spellings, so that no word
keeps to one spelling."""

RELATIVES = (
    *("mother", "father", "wife", "husband", "partner", "sister", "brother", "daughter", "son"),
    *("grandmother", "grandfather", "aunt", "uncle", "girlfriend", "boyfriend", "friend"),
    *("niece", "nephew", "neighbour", "colleague", "cousin"),
)

IDENTITIES = (
    *("Muslim", "Christian", "Jewish", "Hindu", "Sikh", "Buddhist", "an atheist"),
    *("Nigerian", "Pakistani", "Polish", "Mexican", "Chinese", "Irish", "Indian", "Syrian"),
    *("deaf", "blind", "a wheelchair user", "autistic", "dyslexic", "visually impaired"),
    *("epileptic", "diabetic", "an amputee", "bipolar", "Greek", "Korean", "a refugee"),
    *("19 years old", "45 years old", "78 years old", "retired", "a pensioner", "a student"),
    *("Black", "white", "Asian", "gay", "a lesbian", "straight", "transgender"),
    *("non-binary", "queer", "hearing impaired", "partially deaf", "short-sighted"),
    "in poor health",
)

PRONOUNS = (("she", "her", "her"), ("he", "him", "his"), ("they", "them", "their"))

_SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    spelling.lower_case,
    str,
    spelling.american,
    str,
    spelling.without_articles,
    str,
    spelling.casual,
    str,
    lambda text: spelling.lower_case(spelling.without_apostrophes(text)),
)
"""How the texts of one sentence are spelled: half of them as written."""


class OwnExample(NamedTuple):
    """One labelled text; the fields are the columns of a training file."""

    text: str
    label: int
    """Class index: 0 negative, 1 neutral, 2 positive."""

    binary: bool
    """Always false: these texts have a neutral class."""

    source: str


def own_examples() -> list[OwnExample]:
    """Return about 3,000 different texts, the same number for each label, always the same ones."""
    by_label = {
        label: list(dict.fromkeys(_filled(of_label)))
        for label, of_label in zip(
            LABELS, (sentences.NEGATIVE, sentences.NEUTRAL, sentences.POSITIVE), strict=True
        )
    }
    fewest = min(map(len, by_label.values()))
    return [
        OwnExample(text, LABELS.index(label), False, SOURCE)
        for label, texts in by_label.items()
        for text in texts[:fewest]
    ]


def _filled(of_label: tuple[str, ...]) -> Iterator[str]:
    # Each label deals out each list of words from its beginning, and only where a sentence has the
    # slot: so every word comes as often as its neighbours, under every label.
    names, relatives = cycle(NAMES), cycle(RELATIVES)
    identities, pronouns = cycle(IDENTITIES), cycle(PRONOUNS)
    for sentence in of_label:
        # What a person is takes more lessons than what they are called: there every word is met.
        rounds = len(IDENTITIES) if "{identity}" in sentence else len(_SPELLINGS)
        for spell in islice(cycle(_SPELLINGS), rounds):
            words: dict[str, str] = {}
            if "{name}" in sentence:
                words["name"] = next(names)
            if "{relative}" in sentence:
                words["relative"] = next(relatives)
            if "{identity}" in sentence:
                words["identity"] = next(identities)
            they, them, their = next(pronouns)
            words |= {"they": they, "them": them, "their": their}
            words |= {"They": they.capitalize(), "Their": their.capitalize()}
            yield spell(sentence.format(**words))
