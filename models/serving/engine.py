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
from concurrent.futures import Future
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
from models.serving.model import Lane
from models.serving.tickets import Item, Loss, QueueLimits, Refusal, Refused, Taken, Ticket

logger = logging.getLogger(__name__)

_ALONE_SECONDS = 0.05
"""A request runs on the event loop's thread where no other connection has asked for this long."""

_LOSSES: Mapping[Loss, tuple[type[RequestError], str]] = {
    Loss.EXPIRED: (DeadlineError, "the deadline passed before the answer was there"),
    Loss.FAILED: (ModelFailedError, "the model failed on this request"),
    Loss.CANCELLED: (OverloadedError, "given up"),
}
_REFUSALS: Mapping[Refusal, tuple[type[RequestError], str]] = {
    Refusal.FULL: (OverloadedError, "the queue is full; try again later"),
    Refusal.LATE: (OverloadedError, "cannot be answered within its deadline; try again later"),
    Refusal.GREEDY: (GreedyClientError, "your requests fill the queue; slow down"),
}


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
        self,
        units: Sequence[tuple[str, Any]],
        *,
        timeout: float,  # noqa: ASYNC109  a deadline for the queue, not only for the caller
        client: Hashable = None,
        source: Hashable = None,
        urgent: bool = False,
    ) -> list[Any]:
        """Return the answers for pairs of lane and unit, in order.

        Args:
            units: what to run; a unit's length is what its run costs.
            timeout: seconds until nobody wants the answer any more.
            client: who has a fair share of the queue.
            source: the connection; a lone one is served without a change of thread.
            urgent: a health probe, which goes before everything else.

        Raises:
            OverloadedError, GreedyClientError: not taken on.
            DeadlineError: taken on, and not answered in time.
            ModelFailedError: the model raised on one of the units.
        """
        if not units:
            return []
        now = time.monotonic()
        items = [Item(lane, max(1, len(unit)), unit) for lane, unit in units]
        ticket = Ticket(items, arrived=now, deadline=now + timeout, client=client, urgent=urgent)
        inline = self._is_alone(source, now) and len(items) == 1
        with self._lock:
            inline = inline and self._batcher.idle
            refused = self._batcher.admit(ticket, now)
            if inline and refused is None:
                batch = self._batcher.take(now).batch
            elif refused is None and self._idle:
                self._work.notify(min(self._idle, len(items)))
        if refused is not None:
            raise self._refusal(refused)
        if inline and batch:
            return self._run_inline(batch, ticket)
        return await self._wait(ticket, timeout)

    def close(self) -> None:
        """Let running batches end and stop the workers; what waits is not run."""
        with self._lock:
            self._closing = True
            self._work.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout=1.0)

    def run_from_thread(self, units: Sequence[tuple[str, Any]], *, timeout: float) -> list[Any]:
        """As `run`, for a thread that is neither the event loop's nor a worker."""
        future: Future[list[Any]] = asyncio.run_coroutine_threadsafe(
            self.run(units, timeout=timeout), self._loop
        )
        return future.result()

    def _is_alone(self, source: Hashable, now: float) -> bool:
        if source is None:
            return False
        if source != self._last_source:
            self._last_source = source
            self._others_asked_at = now
        return now - self._others_asked_at > _ALONE_SECONDS

    async def _wait(self, ticket: Ticket, timeout: float) -> list[Any]:  # noqa: ASYNC109
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting[ticket] = future
        timer = self._loop.call_later(timeout, self._expire, ticket)
        try:
            await future
        except asyncio.CancelledError:
            with self._lock:
                self._batcher.cancel(ticket)
            self._metrics.refusals.add("cancelled")
            raise
        finally:
            timer.cancel()
            del self._waiting[ticket]
        return [item.result for item in ticket.items]

    def _expire(self, ticket: Ticket) -> None:
        with self._lock:
            expired = self._batcher.expire(ticket)
        if expired:
            self._settle([ticket])

    def _refusal(self, refused: Refused) -> RequestError:
        self._metrics.refusals.add(refused.reason.name.lower())
        kind, message = _REFUSALS[refused.reason]
        error = kind(message)
        error.retry_seconds = max(1, round(refused.retry_seconds))
        return error

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
                done = self._run(taken.batch)
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

    def _run(self, batch: list[Item]) -> _Done:
        """Run a batch; where that fails, each of its items, so that one can't spoil the others."""
        run = self._lanes[batch[0].lane].run
        started = time.monotonic()
        try:
            self._answer(batch, run([item.payload for item in batch]))
        except Exception:
            logger.exception("a run of %s failed", batch[0].lane)
        else:
            return _Done(batch, time.monotonic() - started)
        if len(batch) == 1:
            return _Done(batch, time.monotonic() - started, failed=batch)
        failed = [item for item in batch if self._run([item]).failed]
        return _Done(batch, time.monotonic() - started, failed)

    @staticmethod
    def _answer(batch: list[Item], answers: Sequence[Any]) -> None:
        for item, answer in zip(batch, answers, strict=True):
            item.result = answer

    def _run_inline(self, batch: list[Item], ticket: Ticket) -> list[Any]:
        done = self._run(batch)
        with self._lock:
            ended = self._batcher.complete(*done)
        self._settle(ended, done)
        if done.failed:
            kind, message = _LOSSES[Loss.FAILED]
            raise kind(message)
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
                self._metrics.refusals.add(ticket.loss.name.lower())
                kind, message = _LOSSES[ticket.loss]
                future.set_exception(kind(message))

    def _observe(self, done: _Done) -> None:
        batch, seconds, failed = done
        lane, metrics = batch[0].lane, self._metrics
        self.last_run[lane] = (time.monotonic(), not failed)
        lengths = [item.length for item in batch]
        padded = len(batch) * max(lengths)
        metrics.compute_seconds.observe(lane, seconds)
        metrics.batch_size.observe(lane, len(batch))
        metrics.padding_share.observe(lane, 1.0 - sum(lengths) / padded)

    def _observe_wait(self, ticket: Ticket) -> None:
        if ticket.first_run is not None:
            waited = ticket.first_run - ticket.arrived
            self._metrics.queue_seconds.observe(ticket.items[0].lane, waited)
