"""What the models find in a text beyond its sentiment."""

from dataclasses import dataclass
from enum import StrEnum

from customerai.domain.sentiment import SentimentLabel


class Tier(StrEnum):
    """How much work goes into an answer, from most to least."""

    FULL = "full"
    FAST = "fast"
    STATIC = "static"


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
