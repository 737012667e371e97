"""A customer interaction, as the platform keeps it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from customerai.domain.analysis import Analysis

MAX_BATCH = 100


class Channel(StrEnum):
    EMAIL = "email"
    CHAT = "chat"
    REVIEW = "review"
    SURVEY = "survey"
    SOCIAL = "social"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class InteractionRef:
    """Where an interaction is: enough to find it, nothing of what it says."""

    tenant: str
    id: str


@dataclass(frozen=True, slots=True)
class Interaction:
    """An interaction as the platform keeps it; ``analysis`` is None until it is analysed."""

    tenant: str
    id: str
    received_at: datetime
    occurred_at: datetime
    customer_id: str
    channel: Channel
    text: str
    product: str | None = None
    rating: float | None = None
    language: str | None = None
    metadata: dict[str, str | bool | int | float | None] | None = None
    analysis: Analysis | None = None

    @property
    def ref(self) -> InteractionRef:
        return InteractionRef(self.tenant, self.id)
