"""Which access pattern serves a list of interactions: what a query planner would decide."""

from dataclasses import dataclass

from customerai.adapters.dynamodb import access_patterns as patterns
from customerai.adapters.dynamodb.access_patterns import AccessPattern
from customerai.domain.rollup import PENDING
from customerai.ports import InteractionFilter


@dataclass(frozen=True, slots=True)
class AccessPath:
    """The pattern, the value in its index' key, and the conditions left to filter by."""

    pattern: AccessPattern
    value: str | None
    rest: dict[str, str | None]


def access_path(where: InteractionFilter, *, strong: bool) -> AccessPath:
    """The index that narrows most; none where the read is a strong one."""
    conditions: dict[AccessPattern, tuple[str, str | None]] = {}
    if where.customer_id is not None:
        conditions[patterns.LIST_OF_CUSTOMER] = "customer_id", where.customer_id
    if where.sentiment is not None and where.sentiment != PENDING:
        conditions[patterns.LIST_WITH_SENTIMENT] = "sentiment", where.sentiment
    if where.channel is not None:
        conditions[patterns.LIST_OF_CHANNEL] = "channel", where.channel
    if where.sentiment == PENDING:
        conditions[patterns.LIST_PENDING] = "sentiment", None
    if strong or not conditions:
        return AccessPath(patterns.LIST_ALL, None, dict(conditions.values()))
    pattern = next(iter(conditions))
    _, value = conditions.pop(pattern)
    return AccessPath(pattern, value, dict(conditions.values()))
