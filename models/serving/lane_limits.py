"""How much of each kind of work runs together."""

from __future__ import annotations

import math
from collections.abc import Mapping

from models.serving.tickets import LaneLimits

ENCODER: Mapping[bool, LaneLimits] = {
    # A CPU: enough to fill the matrix units, of nearly one length, since it computes padding too.
    False: LaneLimits(items=4, ratio=1.15),
    # A GPU: runs cost nearly the same, however many sequences are in them.
    True: LaneLimits(items=64, ratio=2.0),
}
"""For encoders, by whether they run on a GPU."""

TEXTS = LaneLimits(items=64, ratio=math.inf, wait_seconds=0.0)
"""For models that take whole texts and pad nothing."""
