"""Answers that are kept for whoever asks the same again, until what they depend on changes.

An answer is good while the generations of its tags (``customerai.domain.cache_tags``) are those
that were noted before it was computed: what changes in between spoils it. One exchange brings the
answer and the generations, from the primary, as a replica may be behind on a change.

For ``FRESH_SECONDS`` an answer is given as it is. After that whoever comes first computes it anew,
and all others get the old one meanwhile, until it is ``KEPT_SECONDS`` old.
"""

import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.responses import Response

from customerai.domain.cache_tags import GENERATION_SECONDS, new_generation
from customerai.domain.errors import UnavailableError
from customerai.observability.cache_layers import Layer, Outcome, looked_up
from customerai.observability.plan import current_plan
from customerai.ports import Cache, CacheWrite
from customerai.resilience.single_flight import SingleFlight
from customerai.usecases.invalidate_answers import invalidate_answers

FRESH_SECONDS = 5.0
KEPT_SECONDS = 20.0
"""Less than the age at which a read-your-writes token is let go of, so that no answer from before
a write is given to a client that shows the token of it."""
REFRESH_SECONDS = 3.0
"""How long one who computes an answer anew keeps others from doing so."""

_NAME = "Responses"
PRIVATE = {"cache-control": "private, no-store"}
"""Headers of an answer that neither the edge nor a browser keeps: they know nothing of tags."""
_encode_key = msgspec.msgpack.Encoder(enc_hook=str).encode

Compute = Callable[[], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Question:
    """What an answer depends on: whose it is, all that was asked, and what it may show.

    ``asked`` has every parameter that makes a difference, in its plain form.
    """

    tenant: str
    route: str
    asked: tuple[Any, ...]
    tags: tuple[str, ...]

    @property
    def key(self) -> str:
        # The tenant is in the hash too: the readable part alone could be made to look like another.
        named = _encode_key((self.tenant, self.route, self.asked))
        return f"response:{self.tenant}:{hashlib.blake2b(named, digest_size=20).hexdigest()}"


class Entry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An answer as it is kept."""

    status: int
    headers: dict[str, str]
    body: bytes
    made_at: float
    """Seconds since 1970."""
    generations: tuple[bytes, ...]
    """Of its tags, as they were before it was computed."""


_encode_entry = msgspec.msgpack.Encoder().encode
_decode_entry = msgspec.msgpack.Decoder(Entry).decode


@dataclass(frozen=True, slots=True)
class _Lookup:
    """``entry`` is good; ``generations`` are those of its tags, None for one that has none yet."""

    entry: Entry | None
    generations: tuple[bytes | None, ...]
    is_refreshing: bool


class ResponseCache:
    """Over a ``cache`` that all processes share. Without it everything is computed."""

    def __init__(self, cache: Cache, clock: Callable[[], float] = time.time) -> None:
        self._cache = cache
        self._clock = clock
        self._flights: SingleFlight[tuple[str, tuple[bytes | None, ...]], Entry] = SingleFlight()

    async def answer(self, question: Question, compute: Compute, *, strong: bool) -> Response:
        """What is kept, or what ``compute`` returns or raises.

        A ``strong`` read neither gets what is kept nor leaves anything. Where a plan is being
        written, it is told what would have been found.
        """
        if strong or not self._cache.is_usable:
            return _bypassed(await compute())
        key = question.key
        found = await self._look_up(key, question.tags)
        outcome = self._outcome(found.entry)
        looked_up(_NAME, Layer.SHARED, outcome)
        if current_plan() is not None:
            return _bypassed(await compute())
        if found.entry is None:
            return self._response(await self._computed(key, question, found, compute), outcome)
        if outcome is Outcome.STALE and not found.is_refreshing:
            return await self._refreshed(key, question, found, compute)
        return self._response(found.entry, outcome)

    async def invalidate(self, tags: Iterable[str]) -> None:
        """No answer that depends on one of them is given again."""
        await invalidate_answers(tags, cache=self._cache)

    async def _look_up(self, key: str, tags: tuple[str, ...]) -> _Lookup:
        began = time.perf_counter()
        kept, refreshing, *known = await self._cache.get_many(
            [key, _refresh_key(key), *tags], fresh=True
        )
        plan = current_plan()
        if plan is not None:
            plan.spent("cache", (time.perf_counter() - began) * 1_000)
        entry = None if kept is None else _decoded(kept)
        if entry is not None and entry.generations != tuple(known):
            entry = None
        return _Lookup(entry, tuple(known), refreshing is not None)

    def _outcome(self, entry: Entry | None) -> Outcome:
        if entry is None:
            return Outcome.MISS
        return Outcome.HIT if self._age(entry) < FRESH_SECONDS else Outcome.STALE

    async def _refreshed(
        self, key: str, question: Question, found: _Lookup, compute: Compute
    ) -> Response:
        """Computed anew by one caller; all others get the old answer, and it too if it fails."""
        assert found.entry is not None  # noqa: S101 - for the type checker
        refresh = _refresh_key(key)
        if not await self._cache.add({refresh: b"1"}, REFRESH_SECONDS):
            return self._response(found.entry, Outcome.STALE)
        try:
            entry = await self._computed(key, question, found, compute)
        except UnavailableError:
            return self._response(found.entry, Outcome.STALE)
        return self._response(entry, Outcome.MISS)

    async def _computed(
        self, key: str, question: Question, found: _Lookup, compute: Compute
    ) -> Entry:
        """Only those who found the same generations share a computation: others know of a change
        that it may have missed."""

        async def attempt() -> Entry:
            response = await compute()
            headers = {n: v for n, v in response.headers.items() if n != "content-length"}
            entry = Entry(
                response.status_code,
                headers | PRIVATE,
                bytes(response.body),
                self._clock(),
                tuple(each or new_generation() for each in found.generations),
            )
            await self._keep(key, entry, question.tags, found)
            return entry

        return await self._flights.call((key, found.generations), attempt)

    async def _keep(self, key: str, entry: Entry, tags: tuple[str, ...], found: _Lookup) -> None:
        """With the generations that were missing, unless somebody has made them known meanwhile.

        Then this answer, which may be from before a change, is not good, and never will be.
        """
        kept = CacheWrite(key, _encode_entry(entry), KEPT_SECONDS)
        missing = (
            CacheWrite(tag, mine, GENERATION_SECONDS, adds=True)
            for tag, mine, known in zip(tags, entry.generations, found.generations, strict=True)
            if known is None
        )
        await self._cache.write([kept, *missing])

    def _response(self, entry: Entry, outcome: Outcome) -> Response:
        headers = entry.headers | {"server-timing": f"cache;desc={outcome}"}
        if outcome is not Outcome.MISS:
            headers["age"] = str(int(self._age(entry)))
        return Response(entry.body, entry.status, headers)

    def _age(self, entry: Entry) -> float:
        """Seconds; never less than 0, whatever the clock of the machine that made it."""
        return max(0.0, self._clock() - entry.made_at)


def _refresh_key(key: str) -> str:
    return f"refreshing:{key}"


def _decoded(value: bytes) -> Entry | None:
    """None where it is of another version of this code."""
    try:
        return _decode_entry(value)
    except msgspec.MsgspecError:
        return None


def _bypassed(response: Response) -> Response:
    response.headers["server-timing"] = "cache;desc=bypass"
    response.headers.update(PRIVATE)
    return response
