"""What may wait, and what may not, where there is not room for all.

The model server admits and orders by it: each of its processes serves many calls at once. A
function's process serves one at a time, so there is nothing in it to refuse.
"""

from enum import StrEnum


class Priority(StrEnum):
    CRITICAL = "critical"
    """Somebody waits for the answer."""
    STANDARD = "standard"
    BATCH = "batch"
    """Nobody waits: it is tried again by itself."""
