"""What the models find in a text: its sentiment, and what lies beyond that."""

from dataclasses import dataclass
from enum import StrEnum

from customerai.domain.sentiment import Sentiment, SentimentLabel
from customerai.domain.taxonomy import Taxonomy


class Tier(StrEnum):
    """How much work goes into an answer, from most to least."""

    FULL = "full"
    FAST = "fast"
    STATIC = "static"


class RequestedTier(StrEnum):
    """Which tier is to answer; ``cascade`` is ``static`` where that is sure, else ``full``."""

    FULL = "full"
    FAST = "fast"
    STATIC = "static"
    CASCADE = "cascade"


class Feature(StrEnum):
    """What an analysis may hold beside the sentiment."""

    ASPECTS = "aspects"
    TOPICS = "topics"
    INTENT = "intent"
    URGENCY = "urgency"
    LANGUAGE = "language"


class Intent(StrEnum):
    """What the author wants of the company."""

    ACCOUNT = "account"
    CANCELLATION = "cancellation"
    COMPLAINT = "complaint"
    CONTACT = "contact"
    DELIVERY = "delivery"
    ORDER = "order"
    PAYMENT = "payment"
    PRAISE = "praise"
    QUESTION = "question"
    REFUND = "refund"


class Urgency(StrEnum):
    """How soon somebody should look at it."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Aspect:
    """A thing the author has an opinion of, and the words that name it.

    ``start`` and ``end`` count Unicode code points of the text as it was sent:
    ``text[start:end]`` is ``words``. ``confidence`` is the probability of ``label``.
    """

    words: str
    start: int
    end: int
    label: SentimentLabel
    confidence: float


@dataclass(frozen=True, slots=True)
class TopicMatch:
    """A topic of the tenant's taxonomy that the text is about."""

    id: str
    confidence: float


@dataclass(frozen=True, slots=True)
class IntentMatch:
    label: Intent
    confidence: float


@dataclass(frozen=True, slots=True)
class UrgencyMatch:
    label: Urgency
    confidence: float


@dataclass(frozen=True, slots=True)
class Language:
    """The language a text seems to be in; ``code`` is ISO 639-1.

    Where ``supported`` is false, the models promise nothing and their answers abstain.
    """

    code: str
    confidence: float
    supported: bool


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """What is asked of a model; topics come from the ``taxonomy`` and need one."""

    tier: RequestedTier = RequestedTier.FULL
    include: frozenset[Feature] = frozenset()
    taxonomy: Taxonomy | None = None

    def __post_init__(self) -> None:
        if (Feature.TOPICS in self.include) != (self.taxonomy is not None):
            raise ValueError("topics and a taxonomy are asked for together")


@dataclass(frozen=True, slots=True)
class Analysis:
    """One model's answer for one text.

    ``features`` are those that it answers for; outside of them everything is None. Within them an
    intent or urgency of None abstains. ``abstained`` says the same of the sentiment, whose label is
    then no more than the likeliest.
    """

    sentiment: Sentiment
    tier: Tier
    abstained: bool = False
    features: frozenset[Feature] = frozenset()
    aspects: tuple[Aspect, ...] | None = None
    topics: tuple[TopicMatch, ...] | None = None
    taxonomy: str | None = None
    """The version of the taxonomy that ``topics`` are of."""
    intent: IntentMatch | None = None
    urgency: UrgencyMatch | None = None
    language: Language | None = None
