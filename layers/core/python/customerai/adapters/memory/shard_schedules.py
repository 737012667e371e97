"""Shard schedules in a dictionary."""

from dataclasses import dataclass, field

from customerai.domain.errors import VersionConflictError
from customerai.domain.shards import SINGLE, Schedule


@dataclass
class MemoryShardSchedules:
    """``customerai.ports.ShardScheduleStore``."""

    stored: dict[str, Schedule] = field(default_factory=dict)

    async def of(self, tenant: str) -> Schedule:
        return self.stored.get(tenant, SINGLE)

    async def replace(self, tenant: str, schedule: Schedule, known: Schedule) -> None:
        if self.stored.get(tenant, SINGLE) != known:
            raise VersionConflictError("The shards have been raised meanwhile; read them again.")
        self.stored[tenant] = schedule
