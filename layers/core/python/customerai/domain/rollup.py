"""What an interaction adds to the counts, and how counts are told from them.

A counter is a plain name and an integer, so that a store can add it in place:
``n_{channel}_{state}`` interactions in a state (a sentiment label, or pending), and
``s_{channel}`` the sum of their scores in millionths. A change of an interaction adds the
contribution of its new state less that of its old one; so edits, deletions and repeated analyses
all fall out of one rule.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from customerai.domain.ids import instant_of
from customerai.domain.sentiment import SentimentLabel
from customerai.domain.windows import Interval

PENDING = "pending"
STATES = (*SentimentLabel, PENDING)
MILLION = 1_000_000

Counters = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class State:
    """What of an interaction is counted; ``label`` and ``score_millionths`` once analysed."""

    channel: str
    label: str | None = None
    score_millionths: int = 0

    def contribution(self) -> dict[str, int]:
        counters = {f"n_{self.channel}_{self.label or PENDING}": 1}
        if self.label is not None:
            counters[f"s_{self.channel}"] = self.score_millionths
        return counters


def change(old: State | None, new: State | None) -> dict[str, int]:
    """What a stored change adds to every window of the interaction, without zeros."""
    delta = Counter(new.contribution() if new else {})
    delta.subtract(old.contribution() if old else {})
    return {name: amount for name, amount in delta.items() if amount}


@dataclass(frozen=True, slots=True)
class AggregateKey:
    """One window of one tenant."""

    tenant: str
    interval: Interval
    window: str


def aggregates_of(tenant: str, interaction_id: str) -> tuple[AggregateKey, ...]:
    """The windows an interaction counts in: those of the instant in its id."""
    instant = instant_of(interaction_id)
    return tuple(
        AggregateKey(tenant, interval, interval.window(interval.floor(instant)))
        for interval in Interval
    )


@dataclass(slots=True)
class Totals:
    """Counters summed over any number of windows and stream shards."""

    counters: Counter[str] = field(default_factory=Counter)

    def add(self, counters: Counters) -> None:
        self.counters.update(counters)

    def count(self, channels: Iterable[str], states: Iterable[str] = STATES) -> int:
        states = tuple(states)
        return sum(
            self.counters[f"n_{channel}_{state}"] for channel in channels for state in states
        )

    def mean_score(self, channels: Iterable[str]) -> float | None:
        """Mean of positive minus negative probability over what is analysed, -1 to 1."""
        channels = tuple(channels)
        analysed = self.count(channels, SentimentLabel)
        if not analysed:
            return None
        total = sum(self.counters[f"s_{channel}"] for channel in channels)
        return round(total / MILLION / analysed, 6)


@dataclass(frozen=True, slots=True)
class WindowCounters:
    """The counters of one stored aggregate item."""

    start: datetime
    counters: Counters
