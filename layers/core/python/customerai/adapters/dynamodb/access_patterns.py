"""Every way in which a table is read. A query that is not here does not exist.

DynamoDB has no planner: the index, the projection and the consistency are chosen by whoever asks,
so they are chosen here. ``make index-report`` measures what each costs.
"""

from dataclasses import dataclass
from enum import StrEnum


class Operation(StrEnum):
    """As DynamoDB names it."""

    GET = "GetItem"
    BATCH_GET = "BatchGetItem"
    QUERY = "Query"
    SCAN = "Scan"


class Consistency(StrEnum):
    """What a read shows of writes that were answered before it."""

    EVENTUAL = "eventual"
    """Nearly always all of them. Half the price."""
    STRONG = "strong"
    EITHER = "either"
    """As the caller asks; eventual where it does not."""


@dataclass(frozen=True, slots=True, eq=False)
class AccessPattern:
    """``table`` is the thing it holds; ``index`` is None for the table itself.

    ``most_units`` is what ``items`` typical ones (1 KB; an aggregate or a setting 300 bytes) cost
    in one call at the most, in read units: eventually consistent where it may be either. A strong
    read costs twice as much.
    """

    name: str
    table: str
    operation: Operation
    consistency: Consistency
    items: int
    most_units: float
    index: str | None = None
    attributes: tuple[str, ...] = ()
    """What is read of each item: fewer bytes to send, at the same price. Empty: all that there is,
    or what the caller chooses."""
    filters: tuple[str, ...] = ()
    """What a condition may name that the key does not hold: what it leaves out is paid for too."""


GET_INTERACTION = AccessPattern(
    "get interaction", "interactions", Operation.GET, Consistency.EITHER, items=1, most_units=0.5
)
GET_INTERACTIONS = AccessPattern(
    "get interactions",
    "interactions",
    Operation.BATCH_GET,
    Consistency.EITHER,
    items=100,
    most_units=50.0,
)
LIST_ALL = AccessPattern(
    "list interactions",
    "interactions",
    Operation.QUERY,
    Consistency.EITHER,
    items=101,
    most_units=14.0,
    filters=("channel", "customer_id", "sentiment"),
)
LIST_OF_CUSTOMER = AccessPattern(
    "list of a customer",
    "interactions",
    Operation.QUERY,
    Consistency.EVENTUAL,
    items=101,
    most_units=2.0,
    index="by_customer",
    attributes=("id",),
    filters=("channel", "sentiment"),
)
LIST_WITH_SENTIMENT = AccessPattern(
    "list with a sentiment",
    "interactions",
    Operation.QUERY,
    Consistency.EVENTUAL,
    items=101,
    most_units=2.0,
    index="by_sentiment",
    attributes=("id",),
    filters=("channel",),
)
LIST_OF_CHANNEL = AccessPattern(
    "list of a channel",
    "interactions",
    Operation.QUERY,
    Consistency.EVENTUAL,
    items=101,
    most_units=2.0,
    index="by_channel",
    attributes=("id",),
    filters=("sentiment",),
)
LIST_PENDING = AccessPattern(
    "list of what waits",
    "interactions",
    Operation.QUERY,
    Consistency.EVENTUAL,
    items=101,
    most_units=2.0,
    index="pending",
    attributes=("id",),
)
COUNT_STATES = AccessPattern(
    "states of a range",
    "interactions",
    Operation.QUERY,
    Consistency.EVENTUAL,
    items=500,
    most_units=70.0,
    attributes=("channel", "sentiment", "score"),
)
SWEEP_PENDING = AccessPattern(
    "sweep of what waits",
    "interactions",
    Operation.SCAN,
    Consistency.EVENTUAL,
    items=500,
    most_units=7.0,
    index="pending",
    attributes=("pk", "id"),
    filters=("received_at",),
)
GET_PENDING_TEXTS = AccessPattern(
    "texts that wait",
    "interactions",
    Operation.BATCH_GET,
    Consistency.STRONG,
    items=100,
    most_units=100.0,
    attributes=("pk", "id", "text", "pending"),
)
GET_FIRST_REQUEST = AccessPattern(
    "first request of a key",
    "idempotency",
    Operation.GET,
    Consistency.STRONG,
    items=1,
    most_units=1.0,
)
GET_BURIED = AccessPattern(
    "deleted interactions",
    "idempotency",
    Operation.BATCH_GET,
    Consistency.STRONG,
    items=100,
    most_units=100.0,
    attributes=("pk",),
)
LIST_WINDOWS = AccessPattern(
    "windows of a range",
    "rollups",
    Operation.QUERY,
    Consistency.EVENTUAL,
    items=24,
    most_units=1.0,
)
GET_TAXONOMY = AccessPattern(
    "taxonomy of a tenant",
    "settings",
    Operation.GET,
    Consistency.STRONG,
    items=1,
    most_units=1.0,
)
GET_SHARDS = AccessPattern(
    "shards of a tenant", "settings", Operation.GET, Consistency.STRONG, items=1, most_units=1.0
)

ACCESS_PATTERNS: tuple[AccessPattern, ...] = (
    GET_INTERACTION,
    GET_INTERACTIONS,
    LIST_ALL,
    LIST_OF_CUSTOMER,
    LIST_WITH_SENTIMENT,
    LIST_OF_CHANNEL,
    LIST_PENDING,
    COUNT_STATES,
    SWEEP_PENDING,
    GET_PENDING_TEXTS,
    GET_FIRST_REQUEST,
    GET_BURIED,
    LIST_WINDOWS,
    GET_TAXONOMY,
    GET_SHARDS,
)
