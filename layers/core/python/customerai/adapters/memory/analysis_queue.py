"""What is to be analysed, in a list."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from customerai.domain.interaction import InteractionRef


@dataclass
class MemoryAnalysisQueue:
    """``customerai.ports.AnalysisQueue``."""

    sent: list[InteractionRef] = field(default_factory=list)

    async def send(self, refs: Sequence[InteractionRef]) -> None:
        self.sent.extend(refs)

    async def is_empty(self) -> bool:
        return not self.sent

    async def probe(self) -> None:
        """A list always serves."""
