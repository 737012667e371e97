import re
from dataclasses import replace

import pytest
from pydantic import ValidationError

from customerai.domain.default_taxonomy import DEFAULT_TAXONOMY
from customerai.domain.new_taxonomy import NewTaxonomy
from customerai.domain.taxonomy import MAX_CHARACTERS, Taxonomy, Topic

POLES = Topic("poles", "Poles", ("A pole arrived bent.",))
BAGS = Topic("bags", "Bags", ())


def test_the_version_is_that_of_the_content() -> None:
    same = Taxonomy.of([replace(POLES), BAGS])
    assert Taxonomy.of([POLES, BAGS]) == same
    others = [
        Taxonomy.of([BAGS, POLES]),
        Taxonomy.of([POLES]),
        Taxonomy.of([replace(POLES, id="pole"), BAGS]),
        Taxonomy.of([replace(POLES, label="Pole"), BAGS]),
        Taxonomy.of([replace(POLES, examples=()), BAGS]),
    ]
    assert len({same.version, *(other.version for other in others)}) == 6
    assert re.fullmatch(r"[0-9a-f]{16}", same.version)


def test_the_default_one_is_one_that_a_tenant_could_set() -> None:
    sent = {
        "topics": [
            {"id": topic.id, "label": topic.label, "examples": list(topic.examples)}
            for topic in DEFAULT_TAXONOMY.topics
        ]
    }
    assert NewTaxonomy.model_validate(sent).taxonomy() == DEFAULT_TAXONOMY


def test_default_topics_share_no_example() -> None:
    assert 10 <= len(DEFAULT_TAXONOMY.topics) <= 14
    examples = [example for topic in DEFAULT_TAXONOMY.topics for example in topic.examples]
    assert len(examples) == len(set(examples))
    assert all(3 <= len(topic.examples) <= 6 for topic in DEFAULT_TAXONOMY.topics)


def test_the_most_that_is_taken_fits_into_one_item() -> None:
    """DynamoDB takes 400 KB: names and UTF-8 values, 3 bytes a list or map, 1 an element."""
    budget = MAX_CHARACTERS // 100
    wide = "\U0001f642"
    examples = [wide * 43] * 20
    label = wide * (budget - 43 * 20)
    topics = [
        {"id": f"{number:0>64}", "label": label, "examples": examples} for number in range(100)
    ]
    taxonomy = NewTaxonomy.model_validate({"topics": topics}).taxonomy()
    assert sum(len(t.label) + sum(map(len, t.examples)) for t in taxonomy.topics) == MAX_CHARACTERS
    size = sum(
        len(topic.id)
        + len(topic.label.encode())
        + sum(len(example.encode()) + 1 for example in topic.examples)
        + len("idlabelexamples")
        + 3 * 2
        + 4
        for topic in taxonomy.topics
    )
    assert size + 1_000 < 400 * 1024


def test_one_character_more_is_too_many() -> None:
    full = [{"id": f"t-{n}", "label": "T", "examples": ["x" * 499] * 10} for n in range(18)]
    left = MAX_CHARACTERS - 18 * 4_991 - 1

    def last(characters: int) -> dict[str, object]:
        return {"id": "last", "label": "L", "examples": ["x" * characters]}

    NewTaxonomy.model_validate({"topics": [*full, last(left)]})
    with pytest.raises(ValidationError, match="90,000 characters"):
        NewTaxonomy.model_validate({"topics": [*full, last(left + 1)]})
