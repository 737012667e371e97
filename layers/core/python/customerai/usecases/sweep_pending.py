"""Send everything that still waits for its analysis to the queue again.

The tables are the only durable truth: whatever a queue lost, or gave up on, is found here.
"""

from datetime import datetime
from itertools import islice

from customerai.ports import Analyses, AnalysisQueue

_BATCH = 100
_MOST = 10_000
"""What one sweep sends at the most; the next one goes on."""


def sweep_pending(received_before: datetime, *, analyses: Analyses, queue: AnalysisQueue) -> int:
    """How many were sent; what was received later is taken to be on its way.

    While the queue holds work nothing is sent: what waits is most likely in there already.
    """
    if not queue.is_empty():
        return 0
    waiting = islice(analyses.pending(received_before), _MOST)
    sent = 0
    while batch := list(islice(waiting, _BATCH)):
        queue.send(batch)
        sent += len(batch)
    return sent
