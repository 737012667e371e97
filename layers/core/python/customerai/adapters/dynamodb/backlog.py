"""What waits for its analysis, of all tenants: the one scan that there is, for maintenance."""

from collections.abc import AsyncIterator
from datetime import datetime

from customerai.adapters.dynamodb import access_patterns as patterns
from customerai.adapters.dynamodb.reads import Item, scan_pages
from customerai.adapters.dynamodb.rows import ref_of
from customerai.domain.interaction import InteractionRef


class DynamoDBBacklog:
    """``customerai.ports.Backlog`` on the sparse index, which holds nothing but what waits."""

    def __init__(self, table: str) -> None:
        self._table = table

    async def pending(self, received_before: datetime) -> AsyncIterator[InteractionRef]:
        pages = scan_pages(
            patterns.SWEEP_PENDING,
            self._table,
            "received_at < :before",
            {":before": received_before.isoformat()},
            Item,
        )
        async for items in pages:
            for item in items:
                yield ref_of(item)
