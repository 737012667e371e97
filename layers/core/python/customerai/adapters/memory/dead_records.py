"""Unreadable records in a dictionary."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class MemoryDeadRecords:
    """``customerai.ports.DeadRecords``."""

    kept: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    async def keep(self, name: str, record: Mapping[str, Any]) -> None:
        self.kept[name] = record
