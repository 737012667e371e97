"""The instant after which nobody waits for the answer, known along the whole call chain.

The edge sets it with ``within``; whoever calls something outside asks ``remaining`` for how long it
may take, hands ``remaining_milliseconds`` on to what it calls, and waits inside of ``timeout``.
Tasks inherit it from the task that starts them. Who set it is known too: a client that does not
wait any longer is told something else than one whom a part fails.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from types import TracebackType

from customerai.domain.errors import UnavailableError
from customerai.resilience.refusal import RefusedError

MOST_DIGITS = 9
"""Of a number of milliseconds that somebody sends: eleven days, longer than anything runs."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """``at`` is an instant of ``clock``, in seconds; ``of_client``: a client has named it."""

    at: float
    clock: Callable[[], float] = time.monotonic
    of_client: bool = False

    def remaining(self) -> float:
        """Seconds until then, never less than 0."""
        return max(0.0, self.at - self.clock())


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


def current() -> Deadline | None:
    return _current.get()


def remaining() -> float:
    """Seconds that are left, 0 where the deadline has passed; infinite where there is none."""
    deadline = _current.get()
    return math.inf if deadline is None else deadline.remaining()


def remaining_milliseconds() -> int | None:
    """What is left, to hand on to what is called; None where there is no deadline."""
    left = remaining()
    return None if left == math.inf else int(left * 1000)


def client_has_left() -> bool:
    """Whether the deadline is one that the client named, and it has passed."""
    deadline = _current.get()
    return deadline is not None and deadline.of_client and deadline.remaining() <= 0


def seconds_of(milliseconds: str) -> float:
    """The seconds in a header's or an attribute's text of whole milliseconds.

    Raises ``ValueError`` for any other text.
    """
    if not (milliseconds.isascii() and milliseconds.isdigit()) or len(milliseconds) > MOST_DIGITS:
        raise ValueError(f"not a number of milliseconds: {milliseconds[:32]!r}")
    return int(milliseconds) / 1000


def require(part: str) -> None:
    """Raises ``RefusedError`` where no time is left to ask ``part`` anything."""
    if remaining() <= 0:
        raise RefusedError(part)


@contextmanager
def within(
    seconds: float, clock: Callable[[], float] = time.monotonic, *, of_client: bool = False
) -> Iterator[Deadline]:
    """Have the deadline ``seconds`` from now, where it is not earlier already.

    It is only stated here: ``timeout`` is what enforces it.
    """
    mine = Deadline(clock() + seconds, clock, of_client)
    before = _current.get()
    effective = mine if before is None or mine.remaining() < before.remaining() else before
    token = _current.set(effective)
    try:
        yield effective
    finally:
        _current.reset(token)


def timeout(part: str, seconds: float = math.inf) -> AbstractAsyncContextManager[None]:
    """Cancel what is awaited inside at the deadline, and after ``seconds`` at the latest.

    Raises ``UnavailableError(part)`` then, and ``RefusedError`` at once where no time is left: that
    tells nothing of the part, which was not asked. Inside, the deadline is the earlier of the two.
    A ``TimeoutError`` of what is inside goes through as it is.
    """
    return _Timeout(part, seconds)


class _Timeout:
    # A class, as a generator would cost more than the rest of a short call.
    __slots__ = ("_part", "_scope", "_seconds", "_token")

    def __init__(self, part: str, seconds: float) -> None:
        self._part = part
        self._seconds = seconds
        self._scope: asyncio.Timeout | None = None
        self._token: Token[Deadline | None] | None = None

    async def __aenter__(self) -> None:
        left = remaining()
        if self._seconds < left:
            left = self._seconds
            if left > 0:
                self._token = _current.set(Deadline(time.monotonic() + left))
        if left <= 0:
            raise RefusedError(self._part)
        if left < math.inf:
            self._scope = asyncio.timeout(left)
            await self._scope.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._token is not None:
            _current.reset(self._token)
        if self._scope is not None:
            try:
                await self._scope.__aexit__(kind, error, trace)
            except TimeoutError:
                raise UnavailableError(self._part) from error
