"""What an interaction adds to the counts, and how counts are told from them.

A counter is a plain name and an integer, so that a store can add it in place:
``n_{channel}_{state}`` interactions in a state (a sentiment label, or pending), and
``s_{channel}`` the sum of their scores in millionths. A change of an interaction adds the
contribution of its new state less that of its old one; so edits, deletions and repeated analyses
all fall out of one rule.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from customerai.domain.ids import first_id_at, instant_of
from customerai.domain.interaction import Channel
from customerai.domain.sentiment import SentimentLabel
from customerai.domain.shards import Schedule, rendezvous
from customerai.domain.windows import Interval

PENDING = "pending"
STATES = (*SentimentLabel, PENDING)
MILLION = 1_000_000

Counters = Mapping[str, int]


class Measure(StrEnum):
    """What is told from counters."""

    TOTAL = "total"
    SENTIMENT = "sentiment"
    CHANNELS = "channels"
    MEAN_SCORE = "mean_score"


def counters_of(measures: Collection[str], channels: Collection[str]) -> frozenset[str] | None:
    """The counters that these measures of these channels are told from; None: all there are."""
    counts_all = any(measure != Measure.MEAN_SCORE for measure in measures)
    averages = Measure.MEAN_SCORE in measures
    if counts_all and averages and len(set(channels)) == len(Channel):
        return None
    states = STATES if counts_all else tuple(SentimentLabel)
    counters = {f"n_{channel}_{state}" for channel in channels for state in states}
    if averages:
        counters |= {f"s_{channel}" for channel in channels}
    return frozenset(counters)


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


def shard_of_aggregate(key: AggregateKey, stream_shard: str, schedule: Schedule) -> int:
    """Where the counters of a window lie that come from one shard of the stream.

    All that one shard of the stream adds to a window is one item, so its own name decides; over the
    shards in force at the window's start, which is an instant that every reader of it knows.
    """
    if schedule.count == 1:
        return 0
    start = key.interval.window_start(key.window)
    return rendezvous(stream_shard, schedule.count_of(first_id_at(start)))


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
