"""Follow the interactions table: count every change, and send on what is to be analysed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from customerai.domain.interaction import InteractionRef
from customerai.domain.rollup import AggregateKey, State, aggregates_of, change
from customerai.ports import AnalysisQueue, Rollups, SequencedChange


@dataclass(frozen=True, slots=True)
class InteractionChange:
    """One record of the stream; ``sequence`` is zero-padded and ascends within its shard."""

    sequence: str
    ref: InteractionRef
    old: State | None
    new: State | None
    expired: bool = False
    """Removed by the store because its time to live was over: stays counted."""


async def roll_up(
    shard: str,
    changes: Sequence[InteractionChange],
    *,
    rollups: Rollups,
    queue: AnalysisQueue,
) -> None:
    """Both steps may be repeated: the rollups are fenced, an analysis is written once."""
    by_aggregate: defaultdict[AggregateKey, list[SequencedChange]] = defaultdict(list)
    for each in changes:
        counters = {} if each.expired else change(each.old, each.new)
        if counters:
            sequenced = SequencedChange(each.sequence, counters)
            for key in aggregates_of(each.ref.tenant, each.ref.id):
                by_aggregate[key].append(sequenced)
    await rollups.apply(shard, by_aggregate)
    arrived = [each.ref for each in changes if each.old is None and _waits(each.new)]
    if arrived:
        await queue.send(arrived)


def _waits(state: State | None) -> bool:
    return state is not None and state.label is None
