"""A taxonomy as a client sends it."""

from collections import Counter
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from customerai.domain.new_interaction import not_blank
from customerai.domain.taxonomy import (
    MAX_CHARACTERS,
    MAX_EXAMPLE,
    MAX_EXAMPLES,
    MAX_LABEL,
    MAX_TOPIC_ID,
    MAX_TOPICS,
    Taxonomy,
    Topic,
)


class NewTopic(BaseModel):
    """One topic; the label and each example tell the model what it is about."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[
        str,
        StringConstraints(max_length=MAX_TOPIC_ID, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$"),
        Field(description="Lower-case letters and digits in words joined by hyphens."),
    ]
    label: Annotated[
        str, StringConstraints(min_length=1, max_length=MAX_LABEL), AfterValidator(not_blank)
    ]
    examples: Annotated[
        list[
            Annotated[
                str,
                StringConstraints(min_length=1, max_length=MAX_EXAMPLE),
                AfterValidator(not_blank),
            ]
        ],
        Field(max_length=MAX_EXAMPLES, description="Sentences as a customer would write them."),
    ] = []


def _unique(topics: list[NewTopic]) -> list[NewTopic]:
    counts = Counter(topic.id for topic in topics)
    repeated = [topic_id for topic_id, count in counts.items() if count > 1]
    if repeated:
        raise ValueError(f"repeat the id {repeated[0]}")
    return topics


def _not_too_long(topics: list[NewTopic]) -> list[NewTopic]:
    characters = sum(len(text) for topic in topics for text in (topic.label, *topic.examples))
    if characters > MAX_CHARACTERS:
        raise ValueError(f"hold more than {MAX_CHARACTERS:,} characters together")
    return topics


class NewTaxonomy(BaseModel):
    """All topics of a tenant; whatever was there before is replaced."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "topics": [
                        {
                            "id": "tent-poles",
                            "label": "Tent poles",
                            "examples": [
                                "One of the poles arrived bent.",
                                "The pole snapped in the first wind.",
                            ],
                        },
                        {"id": "waterproofing", "label": "Waterproofing", "examples": []},
                    ]
                }
            ]
        },
    )

    topics: Annotated[
        list[NewTopic],
        Field(
            min_length=1,
            max_length=MAX_TOPICS,
            description="Each id once; labels and examples hold up to "
            f"{MAX_CHARACTERS:,} characters together.",
        ),
        AfterValidator(_unique),
        AfterValidator(_not_too_long),
    ]

    def taxonomy(self) -> Taxonomy:
        return Taxonomy.of(
            Topic(topic.id, topic.label, tuple(topic.examples)) for topic in self.topics
        )
