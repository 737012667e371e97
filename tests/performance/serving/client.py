"""The load: keep-alive connections on one thread, over non-blocking sockets.

It shares the machine with the server that it measures, so it does nothing that it needn't. A
selector over plain sockets costs a fraction of an event loop's streams; responses are parsed by
httptools, because some servers answer in chunks.
"""

from __future__ import annotations

import resource
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle

import httptools

CLOSED = 0
"""In place of a status: the connection was refused, reset, or closed without a whole answer."""

UNANSWERED = -1
"""In place of a status: nothing came before the client gave up."""

_OK = 200
_CHUNK = 65_536
_REFUSED_PAUSE = 0.01
_GIVE_UP = 30.0
_RESERVED_FILES = 100
"""What a process needs open besides its connections, with some to spare."""
_MOST_FILES = 20_000

Stamp = Callable[[bytes, float], bytes]
"""From a request and the seconds since it was due to what is sent."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its fate; times in seconds of one monotonic clock."""

    intended: float
    """When it was due. In a closed loop that is when it was sent."""

    sent: float
    done: float
    status: int
    """The response's, or CLOSED, or UNANSWERED."""

    request: int = 0
    """Which of the run's requests, as an index."""

    @property
    def latency(self) -> float:
        """Seconds from when it was due: what waited in the client counts, so that a server that
        keeps the client from sending doesn't look fast."""
        return self.done - self.intended

    @property
    def since_sent(self) -> float:
        """Seconds from when it was sent: what the server is answerable for."""
        return self.done - self.sent

    @property
    def lag(self) -> float:
        """Seconds that it waited in the client."""
        return self.sent - self.intended


@dataclass(frozen=True, slots=True)
class Load:
    """What a run saw."""

    exchanges: list[Exchange]
    started: float
    seconds: float
    """Length of the measured time, which begins at `started`."""

    client_cores: float
    """CPU time that the client used by wall time, so 1.0 is one core."""

    most_under_way: int = 0
    """Most requests that were sent and not yet answered at one time."""


def post(path: str, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """Return a whole JSON request as it goes over the wire."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def raise_file_limit() -> None:
    """Let this process and those that it starts from now on have more files open.

    To be called before the first server starts, so that all of them run under the same limit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def most_connections() -> int:
    """Return how many connections this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _MOST_FILES if soft == resource.RLIM_INFINITY else min(soft, _MOST_FILES)
    return max(files - _RESERVED_FILES, 1)


def loopback(port: int) -> Callable[[], socket.socket]:
    """Return a function that begins a connection to `port` of this machine."""

    def connect() -> socket.socket:
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.connect_ex(("127.0.0.1", port))
        return connection

    return connect


class _Connection:
    """One connection, with at most one request on it."""

    __slots__ = (
        "_parser",
        "_unsent",
        "answered",
        "intended",
        "request",
        "reusable",
        "sent",
        "socket",
        "writing",
    )

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self._parser = httptools.HttpResponseParser(self)
        self._unsent = b""
        self.writing = True
        self.answered = False
        self.reusable = False
        self.request = 0
        self.intended = 0.0
        self.sent = 0.0

    def on_message_complete(self) -> None:
        self.answered = True
        # Only here: once the message is over, the parser says no.
        self.reusable = bool(self._parser.should_keep_alive())

    def send(self, message: bytes, request: int, intended: float, now: float) -> None:
        self.request, self.intended, self.sent = request, intended, now
        self.answered = self.reusable = False
        self._unsent = message

    def write(self) -> bool:
        """Send what the socket takes; say whether all of it is out.

        Raises:
            OSError: there is no connection, or no longer.
        """
        if self._unsent:
            try:
                self._unsent = self._unsent[self.socket.send(self._unsent) :]
            except BlockingIOError:
                return False
        return not self._unsent

    def read(self) -> int | None:
        """Take in what has come; return the status of a whole answer, CLOSED, or None."""
        try:
            received = self.socket.recv(_CHUNK)
            if not received:
                return CLOSED
            self._parser.feed_data(received)
        except BlockingIOError:
            return None
        except (OSError, httptools.HttpParserError):
            return CLOSED
        return int(self._parser.get_status_code()) if self.answered else None


class _Connections:
    """All connections of a run, and what came of their requests."""

    def __init__(
        self,
        connect: Callable[[], socket.socket],
        requests: Sequence[bytes],
        stamp: Stamp | None = None,
    ) -> None:
        self._connect = connect
        self._requests = requests
        self._next = cycle(range(len(requests)))
        self._stamp = stamp
        self._selector = selectors.DefaultSelector()
        self.busy: set[_Connection] = set()
        self.idle: list[_Connection] = []
        self.exchanges: list[Exchange] = []
        self.most_busy = 0

    def request(self, intended: float | None = None) -> None:
        """Send the next request, on an idle connection, or on a new one where none is idle."""
        connection = self.idle.pop() if self.idle else self._open()
        self.busy.add(connection)
        self.most_busy = max(self.most_busy, len(self.busy))
        request = next(self._next)
        message = self._requests[request]
        now = time.perf_counter()
        due = now if intended is None else intended
        if self._stamp is not None:
            message = self._stamp(message, now - due)
        connection.send(message, request, due, now)
        if not connection.writing:
            self._write(connection)

    def wait(self, seconds: float) -> None:
        """Handle what happens within `seconds`, and return as soon as anything did."""
        for key, events in self._selector.select(max(seconds, 0.0)):
            connection: _Connection = key.data
            if events & selectors.EVENT_WRITE:
                self._write(connection)
            if events & selectors.EVENT_READ and connection.socket.fileno() >= 0:
                self._read(connection)

    def give_up(self) -> None:
        """Record what has no answer, and close every connection."""
        now = time.perf_counter()
        for connection in list(self.busy):
            self._finish(connection, UNANSWERED, now)
        while self.idle:
            self._close(self.idle.pop())
        self._selector.close()

    def _open(self) -> _Connection:
        connection = _Connection(self._connect())
        # Writable is also how an ended attempt to connect shows, whether it succeeded or not.
        self._selector.register(
            connection.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, connection
        )
        return connection

    def _write(self, connection: _Connection) -> None:
        try:
            complete = connection.write()
        except OSError:
            self._finish(connection, CLOSED, time.perf_counter())
            return
        if complete == connection.writing:
            connection.writing = not complete
            events = selectors.EVENT_READ | (0 if complete else selectors.EVENT_WRITE)
            self._selector.modify(connection.socket, events, connection)

    def _read(self, connection: _Connection) -> None:
        status = connection.read()
        if status is None:
            return
        if connection in self.busy:
            self._finish(connection, status, time.perf_counter())
        else:  # an idle connection that the server closed
            self.idle.remove(connection)
            self._close(connection)

    def _finish(self, connection: _Connection, status: int, now: float) -> None:
        self.exchanges.append(
            Exchange(connection.intended, connection.sent, now, status, connection.request)
        )
        self.busy.remove(connection)
        if status > CLOSED and connection.reusable:
            self.idle.append(connection)
        else:
            self._close(connection)

    def _close(self, connection: _Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()


def closed_loop(
    connect: Callable[[], socket.socket],
    requests: Sequence[bytes],
    concurrency: int,
    seconds: float,
    warm_up: float = 0.0,
) -> Load:
    """Keep `concurrency` requests under way for `warm_up` and then `seconds`.

    Counted are requests that were answered within the measured time. A closed or refused
    connection is recorded and replaced after a pause of 10 ms.
    """
    connections = _Connections(connect, requests)
    started = time.perf_counter() + warm_up
    end = started + seconds
    cpu = time.process_time()
    begun = time.perf_counter()
    for _ in range(concurrency):
        connections.request()
    seen = 0
    while time.perf_counter() < end:
        connections.wait(min(0.1, end - time.perf_counter()))
        if any(entry.status == CLOSED for entry in connections.exchanges[seen:]):
            time.sleep(_REFUSED_PAUSE)
        seen = len(connections.exchanges)
        for _ in range(concurrency - len(connections.busy)):
            connections.request()
    used = (time.process_time() - cpu) / (time.perf_counter() - begun)
    counted = [entry for entry in connections.exchanges if started <= entry.done < end]
    connections.give_up()
    return Load(counted, started, seconds, used, connections.most_busy)


def open_loop(
    connect: Callable[[], socket.socket],
    requests: Sequence[bytes],
    arrivals: Sequence[float],
    most_connections: int,
    patience: float = _GIVE_UP,
    warm_up: float = 0.0,
    seconds: float | None = None,
    stamp: Stamp | None = None,
) -> Load:
    """Send a request at each of `arrivals` (ascending, seconds from now), whatever comes back.

    Where `most_connections` are busy, requests wait in the client; their latency counts from when
    they were due. After the last arrival the client waits `patience` seconds for answers; what
    still waits then is UNANSWERED.

    Returns:
        every request, those outside of the measured time too: it begins after `warm_up` and is
        `seconds` long, to the last arrival unless told otherwise.
    """
    connections = _Connections(connect, requests, stamp)
    cpu = time.process_time()
    began = time.perf_counter()
    due = deque(began + arrival for arrival in arrivals)
    give_up = (due[-1] if due else began) + patience
    while (due or connections.busy) and (now := time.perf_counter()) < give_up:
        while due and due[0] <= now and len(connections.busy) < most_connections:
            connections.request(due.popleft())
        blocked = len(connections.busy) >= most_connections
        next_event = due[0] if due and not blocked else give_up
        connections.wait(min(next_event - time.perf_counter(), 0.1))
    ended = time.perf_counter()
    connections.give_up()
    # The requests are sent in turn, so these are the ones that would have come next.
    sent = len(arrivals) - len(due)
    unsent = [
        Exchange(intended, ended, ended, UNANSWERED, (sent + index) % len(requests))
        for index, intended in enumerate(due)
    ]
    used = (time.process_time() - cpu) / (ended - began)
    length = (arrivals[-1] if arrivals else 0.0) - warm_up if seconds is None else seconds
    return Load(
        connections.exchanges + unsent, began + warm_up, length, used, connections.most_busy
    )


def answered(exchange: Exchange) -> bool:
    """Say whether the server accepted the request and answered it."""
    return exchange.status == _OK
