"""Send everything that still waits for its analysis to the queue again.

The tables are the only durable truth: whatever a queue lost, or gave up on, is found here.
"""

from datetime import datetime
from itertools import islice

from customerai.ports import Analyses, AnalysisQueue

_BATCH = 100


def sweep_pending(received_before: datetime, *, analyses: Analyses, queue: AnalysisQueue) -> int:
    """How many were sent; what was received later is taken to be on its way."""
    waiting = analyses.pending(received_before)
    sent = 0
    while batch := list(islice(waiting, _BATCH)):
        queue.send(batch)
        sent += len(batch)
    return sent
