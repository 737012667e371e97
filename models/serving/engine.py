"""The workers: one thread for each core, fed by the batcher, answering the event loop.

A model's weights are in memory once. Its session runs on the thread that calls it and has no
threads of its own, so as many runs as there are workers go on side by side.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from models.serving.batching import Batcher
from models.serving.errors import (
    DeadlineError,
    GreedyClientError,
    ModelFailedError,
    OverloadedError,
    RequestError,
)
from models.serving.metrics import ServerMetrics
from models.serving.model import Lane, Run
from models.serving.tickets import (
    Caller,
    Item,
    Loss,
    QueueLimits,
    Refusal,
    Refused,
    Taken,
    Ticket,
)

logger = logging.getLogger(__name__)

_ALONE_SECONDS = 0.05
"""A request runs on the event loop's thread where no other connection has asked for this long."""

_TIMER_SECONDS = 0.001
"""How exact the event loop's timers are."""

_REFUSALS: Mapping[Refusal, tuple[type[RequestError], str]] = {
    Refusal.FULL: (OverloadedError, "the queue is full; try again later"),
    Refusal.LATE: (OverloadedError, "cannot be answered within its deadline; try again later"),
    Refusal.GREEDY: (GreedyClientError, "your requests fill the queue; slow down"),
}


def _lost(loss: Loss | None) -> RequestError:
    if loss is Loss.EXPIRED:
        return DeadlineError()
    return ModelFailedError("the model failed on this request")


class _Done(NamedTuple):
    """A batch that has run."""

    batch: Sequence[Item]
    seconds: float
    failed: Sequence[Item] = ()


class Engine:
    """Runs units of work on the models' lanes. To be used from one event loop, but for `close`."""

    def __init__(
        self,
        lanes: Mapping[str, Lane],
        *,
        workers: int,
        limits: QueueLimits,
        metrics: ServerMetrics,
    ) -> None:
        self._lanes = lanes
        self._metrics = metrics
        self._batcher = Batcher(
            {name: lane.limits for name, lane in lanes.items()}, workers, limits
        )
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._idle = 0
        self._closing = False
        self._waiting: dict[Ticket, asyncio.Future[None]] = {}
        self._last_source: Hashable = None
        self._others_asked_at = 0.0
        self.busy_since: list[float | None] = [None] * workers
        """When each worker's present run began."""
        self.last_run: dict[str, tuple[float, bool]] = {}
        """When each lane last ended a run, and whether that went well."""
        self._threads = [
            threading.Thread(target=self._serve, args=(n,), name=f"worker-{n}", daemon=True)
            for n in range(workers)
        ]
        self._loop: asyncio.AbstractEventLoop

    def learn(self, lane: str, tokens: int, seconds: float) -> None:
        """Note what a run of so many tokens took, before the workers start."""
        self._batcher.learn(lane, tokens, seconds)

    def start(self) -> None:
        """Start the workers; called on the event loop that `run` is awaited on."""
        self._loop = asyncio.get_running_loop()
        for thread in self._threads:
            thread.start()

    @property
    def alive(self) -> bool:
        """Whether every worker is there."""
        return all(thread.is_alive() for thread in self._threads)

    @property
    def queued_tokens(self) -> int:
        return self._batcher.queued_tokens

    @property
    def queued_items(self) -> int:
        return self._batcher.queued_items

    async def run(
        self, units: Sequence[tuple[str, Any]], caller: Caller, *, urgent: bool = False
    ) -> list[Any]:
        """Return the answers for pairs of lane and unit, in order.

        Args:
            units: what to run; a unit's length is what its run costs.
            caller: for whom; a lone connection is served without a change of thread. Whoever
                awaits this gives up at the deadline: see `models.serving.deadlines`.
            urgent: a health probe, which goes before everything else.

        Raises:
            OverloadedError, GreedyClientError: not taken on.
            DeadlineError: it has passed, or would before the next run ended.
            ModelFailedError: the model raised on one of the units.
        """
        if not units:
            return []
        now = time.monotonic()
        if now >= caller.deadline:
            raise DeadlineError
        items = [Item(lane, max(1, len(unit)), unit) for lane, unit in units]
        ticket = Ticket(
            items,
            arrived=now,
            deadline=caller.deadline,
            client=caller.client,
            priority=caller.priority,
            urgent=urgent,
            timing=caller.timing,
        )
        inline = self._is_alone(caller.source, now) and len(items) == 1
        batch: list[Item] = []
        with self._lock:
            inline = inline and self._batcher.idle
            refused = self._batcher.admit(ticket, now)
            if refused is None:
                # Nothing stops a run on this thread, so it must be well within its time.
                if inline and now + 2.0 * ticket.cost_left < caller.deadline:
                    batch = self._batcher.take(now).batch
                if not batch and self._idle:
                    self._work.notify(min(self._idle, len(items)))
        if refused is not None:
            raise self.refusal(refused, caller)
        if batch:
            return self._run_inline(batch, ticket)
        return await self._wait(ticket)

    def turn_away(self, caller: Caller) -> None:
        """Refuse, before anything is spent on it, a request that would be refused however short.

        Raises:
            OverloadedError, GreedyClientError: it would.
        """
        with self._lock:
            refused = self._batcher.turn_away(caller, time.monotonic())
        if refused is not None:
            raise self.refusal(refused, caller)

    def refusal(self, refused: Refused, caller: Caller) -> RequestError:
        """Count a refusal; return what the caller is to be told."""
        self._metrics.refusals.add(refused.reason.name.lower(), caller.priority)
        kind, message = _REFUSALS[refused.reason]
        error = kind(message)
        error.retry_seconds = max(1, round(refused.retry_seconds))
        return error

    def close(self) -> None:
        """Let running batches end and stop the workers; what waits is not run."""
        with self._lock:
            self._closing = True
            self._work.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout=1.0)

    def _is_alone(self, source: Hashable, now: float) -> bool:
        if source is None:
            return False
        if source != self._last_source:
            self._last_source = source
            self._others_asked_at = now
        return now - self._others_asked_at > _ALONE_SECONDS

    async def _wait(self, ticket: Ticket) -> list[Any]:
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting[ticket] = future
        try:
            await future
        except asyncio.CancelledError:
            with self._lock:
                self._batcher.cancel(ticket)
            late = time.monotonic() > ticket.deadline - _TIMER_SECONDS
            self._metrics.refusals.add("expired" if late else "cancelled", ticket.priority)
            raise
        finally:
            del self._waiting[ticket]
        return [item.result for item in ticket.items]

    # --- the workers ------------------------------------------------------------------------------

    def _serve(self, worker: int) -> None:
        while True:
            with self._lock:
                taken = self._next()
            if taken is None:
                return
            if taken.lost:
                self._tell(taken.lost, None)
            if taken.batch:
                self.busy_since[worker] = time.monotonic()
                done = self._run(taken.batch, self._lanes[taken.batch[0].lane].run)
                self.busy_since[worker] = None
                with self._lock:
                    ended = self._batcher.complete(*done)
                self._tell(ended, done)

    def _next(self) -> Taken | None:
        """Wait for work, with the lock held; None where the workers are to stop."""
        while not self._closing:
            self._idle += 1
            taken = self._batcher.take(time.monotonic(), self._idle)
            if taken.batch or taken.lost:
                self._idle -= 1
                return taken
            pause = None
            if taken.again_at is not None:
                pause = max(0.0, taken.again_at - time.monotonic())
            self._work.wait(pause)
            self._idle -= 1
        return None

    def _run(self, batch: list[Item], run: Run) -> _Done:
        """Run a batch; where that fails, each of its items, so that one can't spoil the others."""
        started = time.monotonic()
        try:
            self._answer(batch, run([item.payload for item in batch]))
        except Exception:
            logger.exception("a run of %s failed", batch[0].lane)
        else:
            return _Done(batch, time.monotonic() - started)
        if len(batch) == 1:
            return _Done(batch, time.monotonic() - started, failed=batch)
        failed = [item for item in batch if self._run([item], run).failed]
        return _Done(batch, time.monotonic() - started, failed)

    @staticmethod
    def _answer(batch: list[Item], answers: Sequence[Any]) -> None:
        for item, answer in zip(batch, answers, strict=True):
            item.result = answer

    def _run_inline(self, batch: list[Item], ticket: Ticket) -> list[Any]:
        lane = self._lanes[batch[0].lane]
        done = self._run(batch, lane.alone or lane.run)
        with self._lock:
            # A run on all cores says nothing of what one on a single core takes.
            ended = self._batcher.complete(*done, typical=lane.alone is None)
        self._settle(ended, done)
        if done.failed:
            raise _lost(Loss.FAILED)
        return [item.result for item in ticket.items]

    # --- back on the event loop -------------------------------------------------------------------

    def _tell(self, ended: list[Ticket], done: _Done | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._settle, ended, done)
        except RuntimeError:  # the loop is closed: nobody listens any more
            logger.debug("an answer came after the end")

    def _settle(self, ended: list[Ticket], done: _Done | None = None) -> None:
        if done is not None:
            self._observe(done)
        for ticket in ended:
            self._observe_wait(ticket)
            future = self._waiting.get(ticket)
            if future is None or future.done():
                continue
            if ticket.loss is None:
                future.set_result(None)
            else:
                self._metrics.refusals.add(ticket.loss.name.lower(), ticket.priority)
                future.set_exception(_lost(ticket.loss))

    def _observe(self, done: _Done) -> None:
        batch, seconds, failed = done
        lane, metrics = batch[0].lane, self._metrics
        self.last_run[lane] = (time.monotonic(), not failed)
        lengths = [item.length for item in batch]
        padded = len(batch) * max(lengths)
        metrics.compute_seconds.observe(lane, seconds)
        metrics.batch_size.observe(lane, len(batch))
        metrics.padding_share.observe(lane, 1.0 - sum(lengths) / padded)
        for timing in {id(item.ticket): item.ticket.timing for item in batch}.values():
            timing.compute += seconds
            timing.batch = max(timing.batch, len(batch))

    def _observe_wait(self, ticket: Ticket) -> None:
        if ticket.first_run is not None:
            waited = ticket.first_run - ticket.arrived
            ticket.timing.queue += waited
            self._metrics.queue_seconds.observe(ticket.items[0].lane, waited)
