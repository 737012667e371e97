"""What the encoder says of each token: whether it names an aspect, and how that aspect fares."""

from __future__ import annotations

OUTSIDE, BEGIN, INSIDE = range(3)
TAGS = ("outside", "begin", "inside")
"""The first three of a token's six logits; the other three are those of the sentiment labels."""
