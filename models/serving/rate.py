"""What a run of a model costs, learned from the runs before it."""

from __future__ import annotations

_DECAY = 0.98
"""Weight of a run in comparison to the one after it: about fifty runs are remembered."""

_UNKNOWN_SECONDS_PER_TOKEN = 1e-6
"""Little: before anything is known, nothing can be said to be surely too late."""


class RunCost:
    """A straight line through the runs of late: seconds = fixed + per_token · padded tokens.

    Least squares with exponentially decaying weights. Where the runs don't tell the two apart, or
    would have one of them negative, all cost is put on the tokens.
    """

    def __init__(self) -> None:
        self._runs = self._x = self._xx = self._y = self._xy = 0.0
        self.fixed = 0.0
        """Seconds that a run costs however short it is."""
        self.per_token = _UNKNOWN_SECONDS_PER_TOKEN
        """Seconds for each token, padding included."""

    def observe(self, padded_tokens: int, seconds: float) -> None:
        """Learn from one run."""
        self._runs = self._runs * _DECAY + 1.0
        self._x = self._x * _DECAY + padded_tokens
        self._xx = self._xx * _DECAY + padded_tokens * padded_tokens
        self._y = self._y * _DECAY + seconds
        self._xy = self._xy * _DECAY + padded_tokens * seconds
        spread = self._runs * self._xx - self._x * self._x
        slope = -1.0
        if spread > 1e-3 * self._x * self._x:
            slope = (self._runs * self._xy - self._x * self._y) / spread
        fixed = (self._y - slope * self._x) / self._runs
        if slope <= 0.0 or fixed < 0.0:
            slope, fixed = self._y / self._x, 0.0
        self.per_token, self.fixed = slope, fixed

    def seconds(self, padded_tokens: int) -> float:
        """Return what a run of so many tokens, padding included, will take."""
        return self.fixed + self.per_token * padded_tokens
