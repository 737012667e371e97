"""Send everything that still waits for its analysis to the queue again.

The tables are the only durable truth: whatever a queue lost, or gave up on, is found here.
"""

from datetime import datetime

from customerai.domain.interaction import InteractionRef
from customerai.ports import AnalysisQueue, Backlog

_BATCH = 100
_MOST = 10_000
"""What one sweep sends at the most; the next one goes on."""


async def sweep_pending(
    received_before: datetime, *, backlog: Backlog, queue: AnalysisQueue
) -> int:
    """How many were sent; what was received later is taken to be on its way.

    While the queue holds work nothing is sent: what waits is most likely in there already.
    """
    if not await queue.is_empty():
        return 0
    sent = 0
    batch: list[InteractionRef] = []
    async for ref in backlog.pending(received_before):
        batch.append(ref)
        if len(batch) == _BATCH:
            await queue.send(batch)
            sent += len(batch)
            batch = []
        if sent == _MOST:
            return sent
    if batch:
        await queue.send(batch)
    return sent + len(batch)
