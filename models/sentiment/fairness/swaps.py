"""From templates and words to comparisons: one statement, worded several ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from customerai.domain.sentiment import SentimentLabel
from models.sentiment.fairness import dialects, people, spelling
from models.sentiment.fairness.templates import TEMPLATES, Template

SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "lower case": spelling.lower_case,
    "no apostrophes": spelling.without_apostrophes,
    "lower case, no apostrophes": lambda text: spelling.lower_case(
        spelling.without_apostrophes(text)
    ),
    "American spelling": spelling.american,
    "casual contractions": spelling.casual,
    "no articles": spelling.without_articles,
}


class Variant(NamedTuple):
    """One wording, and the group of people or the way of writing that it stands for."""

    group: str
    text: str


class Comparison(NamedTuple):
    """Wordings of one statement, which a fair model judges alike."""

    axis: str
    """What is swapped: names, relatives, pronouns, identities, spelling or dialect."""

    label: SentimentLabel
    """What a reader would say of all of them."""

    standard: str | None
    """The wording that the others are held against. Where there is none, because no name is more
    ordinary than another, they are held against their mean."""

    variants: tuple[Variant, ...]


def fill(template: Template, **words: str) -> str:
    """Return the template's text with `words` in their slots and ordinary ones in the others."""
    chosen = people.ORDINARY | words
    return template.text.format(
        **chosen, They=chosen["they"].capitalize(), Their=chosen["their"].capitalize()
    )


def comparisons() -> list[Comparison]:
    """Return every comparison of the gate, always in the same order."""
    found = [comparison for template in TEMPLATES for comparison in _of_template(template)]
    for group, wordings in (
        ("African American English", dialects.AFRICAN_AMERICAN_ENGLISH),
        ("Indian English", dialects.INDIAN_ENGLISH),
    ):
        found += [
            Comparison("dialect", label, standard, (Variant(group, variant),))
            for label, standard, variant in wordings
        ]
    return found


def _of_template(template: Template) -> Iterator[Comparison]:
    for axis, slot, groups in (
        ("names", "name", people.NAMES),
        ("relatives", "relative", people.RELATIVES),
        ("identities", "identity", people.IDENTITIES),
    ):
        if f"{{{slot}}}" in template.text:
            yield Comparison(
                axis,
                template.label,
                None,
                tuple(
                    Variant(group, fill(template, **{slot: word}))
                    for group, words in groups.items()
                    for word in words
                ),
            )
    if any(slot in template.text.lower() for slot in ("{they}", "{them}", "{their}")):
        yield Comparison(
            "pronouns",
            template.label,
            None,
            tuple(
                Variant(group, fill(template, they=they, them=them, their=their))
                for group, (they, them, their) in people.PRONOUNS.items()
            ),
        )
    standard = fill(template)
    rewritten = (Variant(group, rewrite(standard)) for group, rewrite in SPELLINGS.items())
    changed = tuple(variant for variant in rewritten if variant.text != standard)
    yield Comparison("spelling", template.label, standard, changed)
