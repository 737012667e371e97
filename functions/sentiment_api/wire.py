"""Texts, their analyses and the taxonomy as clients see them."""

from collections.abc import Collection
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    WithJsonSchema,
)
from pydantic.config import JsonDict

from customerai.domain.analysis import Analysis, Feature, RequestedTier
from customerai.domain.default_taxonomy import DEFAULT_TAXONOMY
from customerai.domain.new_interaction import Text
from customerai.domain.sentiment import MAX_CALL_CHARACTERS, MAX_CALL_TEXTS
from customerai.domain.taxonomy import Taxonomy
from customerai_http.analyses import (
    FEATURES_EXAMPLE,
    SENTIMENT_EXAMPLE,
    FeaturesOut,
    SentimentOut,
    feature_fields,
    sentiment_fields,
)
from customerai_http.problems import Problem
from customerai_http.readings import ReadParameters, sparse_fieldset, told_sparsely

_TEXT = "The tent kept us dry all week, but one pole arrived bent."
_ALL: JsonDict = {"include": ["aspects", "topics", "intent", "urgency", "language"]}
ANSWER_EXAMPLE: JsonDict = {**SENTIMENT_EXAMPLE, **FEATURES_EXAMPLE, "omitted": None}
DEGRADED_EXAMPLE: JsonDict = {
    **SENTIMENT_EXAMPLE,
    "model": "static-1",
    "tier": "static",
    "aspects": None,
    "omitted": {"features": ["aspects"], "reason": "model_unavailable"},
}


def _known(names: object) -> object:
    """One error that names all it does not know, where pydantic would name their places."""
    if isinstance(names, list):
        unknown = [repr(name) for name in names if name not in list(Feature)]
        if unknown:
            raise ValueError(
                f"no such feature: {', '.join(unknown)}; there are {', '.join(Feature)}"
            )
    return names


def _may_repeat(schema: JsonDict) -> None:
    """Whoever names a feature twice gets it once."""
    schema.pop("uniqueItems", None)


def _not_too_long(texts: list[Any]) -> list[Any]:
    if sum(len(text) for text in texts if isinstance(text, str)) > MAX_CALL_CHARACTERS:
        raise ValueError(f"hold more than {MAX_CALL_CHARACTERS:,} characters together")
    return texts


class _Options(BaseModel):
    tier: RequestedTier = Field(
        default=RequestedTier.FULL,
        description="How much work goes into the answer: `full` is the most accurate, `fast` and "
        "`static` cost less, `cascade` is `static` where that is sure, else `full`.",
    )
    include: Annotated[frozenset[Feature], BeforeValidator(_known)] = Field(
        default=frozenset(),
        description="What the answer is to hold beside the sentiment.",
        json_schema_extra=_may_repeat,
    )


class SentimentRequest(_Options):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"text": _TEXT}, {"text": _TEXT, **_ALL}]},
    )

    text: Text


class SentimentBatch(_Options):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"texts": ["Delivered a day early!", "It broke."]},
                {"texts": ["Delivered a day early!", "It broke."], "tier": "cascade"},
            ]
        },
    )

    texts: Annotated[
        list[Annotated[Any, WithJsonSchema(TypeAdapter(Text).json_schema())]],
        Field(
            min_length=1,
            max_length=MAX_CALL_TEXTS,
            description=f"Up to {MAX_CALL_CHARACTERS:,} characters together. One that is not valid "
            "has an error for its result, and keeps no other from being analysed.",
        ),
        AfterValidator(_not_too_long),
    ]


class OmissionReason(StrEnum):
    """``model_unavailable``: the static tier stepped in. ``not_served``: no model finds it."""

    MODEL_UNAVAILABLE = "model_unavailable"
    NOT_SERVED = "not_served"


class Omission(BaseModel):
    """What was asked for and is not there, and why; asking again may help if the model was."""

    features: list[Feature]
    reason: OmissionReason


class SentimentAnswer(SentimentOut, FeaturesOut, title="SentimentAnswer"):
    """The sentiment, with each feature that was asked for and no other.

    A feature that was asked for and could not be had is null and listed in ``omitted``. An intent
    or urgency that is null and not listed there is one that the model is not sure enough of.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [ANSWER_EXAMPLE, DEGRADED_EXAMPLE]})

    omitted: Omission | None

    @classmethod
    def of(cls, analysis: Analysis, include: frozenset[Feature], *, degraded: bool) -> Self:
        missing = sorted(include - analysis.features)
        reason = OmissionReason.MODEL_UNAVAILABLE if degraded else OmissionReason.NOT_SERVED
        return cls(
            **sentiment_fields(analysis),
            **feature_fields(analysis, include),
            omitted=Omission(features=missing, reason=reason) if missing else None,
        )


class SentimentFailure(BaseModel):
    """Why a text has no answer."""

    status: int
    error: Problem


class SentimentResults(BaseModel):
    """One answer a text, in order, or what is wrong with the text."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"results": [ANSWER_EXAMPLE]}]})

    results: list[SentimentAnswer | SentimentFailure]


class TopicOut(BaseModel, title="Topic"):
    model_config = ConfigDict(from_attributes=True)

    id: str
    label: str
    examples: tuple[str, ...]


class TaxonomyVersion(BaseModel):
    """What can be told of a taxonomy without its topics."""

    version: str
    is_default: bool = Field(description="The tenant has not set any other.")

    @classmethod
    def of_version(cls, version: str, **more: Any) -> Self:
        # The same content has the same version, so a copy of the default one counts as it.
        return cls(version=version, is_default=version == DEFAULT_TAXONOMY.version, **more)

    def told(self, fields: Collection[str]) -> dict[str, Any]:
        """As it is answered where only these fields are asked for."""
        return self.model_dump(mode="json", include={"version", *fields})


class TaxonomyOut(TaxonomyVersion, title="Taxonomy"):
    """The topics of the tenant; ``version`` is what the ``ETag`` header holds in quotes."""

    headers: ClassVar = ("ETag",)

    model_config = ConfigDict(
        json_schema_extra=told_sparsely(
            "version",
            examples=[
                {
                    "version": "5b1f0a3c77d2e946",
                    "is_default": False,
                    "topics": [
                        {
                            "id": "tent-poles",
                            "label": "Tent poles",
                            "examples": ["One of the poles arrived bent."],
                        }
                    ],
                }
            ],
        )
    )

    topics: list[TopicOut]

    @classmethod
    def of(cls, taxonomy: Taxonomy) -> Self:
        topics = [TopicOut.model_validate(topic) for topic in taxonomy.topics]
        return cls.of_version(taxonomy.version, topics=topics)


class TaxonomyParameters(ReadParameters):
    """What of the taxonomy is read."""

    known = frozenset(TaxonomyOut.model_fields)
    sparse: str | None = sparse_fieldset("taxonomy")
