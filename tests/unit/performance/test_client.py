"""The load client over real sockets: what it records, and what it does when a server goes away."""

from __future__ import annotations

import resource
import threading
from contextlib import nullcontext
from itertools import count

import pytest

from tests.performance.serving.bench import ClientLimitError, hold_to_limit, time_left
from tests.performance.serving.client import (
    CLOSED,
    UNANSWERED,
    answered,
    closed_loop,
    most_connections,
    open_loop,
    post,
    raise_file_limit,
)
from tests.unit.performance.conftest import Connect, StartServer

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
BURST = [0.0] * 20


def test_a_request_is_whole_http() -> None:
    assert post("/invocations", b'{"texts": ["\xc3\xa9"]}', {"X-A": "b=1"}) == (
        b"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b'Content-Length: 17\r\nX-A: b=1\r\n\r\n{"texts": ["\xc3\xa9"]}'
    )


@pytest.mark.parametrize("response", [OK, CHUNKED, LAST])
def test_every_arrival_is_answered_once(start_server: StartServer, response: bytes) -> None:
    load = open_loop(start_server(lambda _: response), [post("/", b"{}")], BURST, 4)
    assert [entry.status for entry in load.exchanges] == [200] * len(BURST)


def test_the_closed_loop_keeps_connections(start_server: StartServer) -> None:
    served = set[int]()

    def answer(_: bytes) -> bytes:
        served.add(threading.get_ident())
        return OK

    load = closed_loop(start_server(answer), [post("/", b"{}")], concurrency=3, seconds=1)
    assert load.exchanges
    assert all(answered(entry) for entry in load.exchanges)
    assert len(served) <= 3


def test_the_closed_loop_never_has_more_under_way(start_server: StartServer) -> None:
    lock, under_way, most = threading.Lock(), [0], [0]

    def answer(_: bytes) -> bytes:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        with lock:
            under_way[0] -= 1
        return OK

    closed_loop(start_server(answer), [post("/", b"{}")], concurrency=2, seconds=0.2)
    assert 1 <= most[0] <= 2


def test_refusals_are_recorded_by_status(start_server: StartServer) -> None:
    number = count()
    connect = start_server(lambda _: BUSY if next(number) % 2 else OK)
    load = open_loop(connect, [post("/", b"{}")], BURST, most_connections=1)
    statuses = [entry.status for entry in load.exchanges]
    assert statuses == [200, 503] * (len(BURST) // 2)


def test_a_connection_closed_without_an_answer_is_recorded_and_replaced(
    start_server: StartServer,
) -> None:
    number = count()
    connect = start_server(lambda _: OK if next(number) % 2 else None)
    load = open_loop(connect, [post("/", b"{}")], BURST, most_connections=1)
    statuses = [entry.status for entry in load.exchanges]
    assert statuses == [CLOSED, 200] * (len(BURST) // 2)


def test_what_is_not_http_counts_as_closed(start_server: StartServer) -> None:
    load = open_loop(start_server(lambda _: b"nonsense\r\n\r\n"), [post("/", b"{}")], [0.0], 1)
    assert [entry.status for entry in load.exchanges] == [CLOSED]


def test_refused_connections_are_recorded(nobody_listens: Connect) -> None:
    load = open_loop(nobody_listens, [post("/", b"{}")], BURST, most_connections=4)
    assert [entry.status for entry in load.exchanges] == [CLOSED] * len(BURST)


def test_the_closed_loop_ends_though_nobody_listens(nobody_listens: Connect) -> None:
    load = closed_loop(nobody_listens, [post("/", b"{}")], concurrency=2, seconds=0.5)
    assert load.exchanges
    assert {entry.status for entry in load.exchanges} == {CLOSED}


def test_what_is_never_answered_is_given_up(start_server: StartServer) -> None:
    load = open_loop(
        start_server(lambda _: b""), [post("/", b"{}")], [0.0] * 5, most_connections=2, patience=0.1
    )
    assert [entry.status for entry in load.exchanges] == [UNANSWERED] * 5


def test_waiting_in_the_client_counts_as_latency(start_server: StartServer) -> None:
    """Ten requests are due at once and share a connection: each also waits for those before it."""
    load = open_loop(start_server(lambda _: OK), [post("/", b"{}")], [0.0] * 10, most_connections=1)
    sent = [entry.sent for entry in load.exchanges]
    assert sent == sorted(sent)
    assert len({entry.intended for entry in load.exchanges}) == 1
    latencies = [entry.latency for entry in load.exchanges]
    assert latencies == sorted(latencies)
    assert latencies[-1] >= sum(entry.done - entry.sent for entry in load.exchanges)


def test_a_large_request_goes_out_in_pieces(start_server: StartServer) -> None:
    body = b"x" * 1_000_000
    expected, received = len(post("/", body)), [0]

    def answer(part: bytes) -> bytes:
        received[0] += len(part)
        return OK if received[0] == expected else b""

    load = open_loop(start_server(answer), [post("/", body)], [0.0], most_connections=1)
    assert [entry.status for entry in load.exchanges] == [200]


def test_each_exchange_says_which_request_it_was(start_server: StartServer) -> None:
    requests = [post("/", b"0"), post("/", b"1"), post("/", b"2")]
    connect = start_server(lambda request: BUSY if request.endswith(b"1") else OK)
    load = open_loop(connect, requests, BURST, most_connections=4)
    assert {(entry.request, entry.status) for entry in load.exchanges} == {
        *((0, 200), (1, 503), (2, 200))
    }


def test_what_was_not_even_sent_keeps_its_place(start_server: StartServer) -> None:
    connect = start_server(lambda _: b"")
    load = open_loop(connect, [post("/", b"{}")] * 3, [0.0] * 5, most_connections=2, patience=0.1)
    assert sorted(entry.request for entry in load.exchanges) == [0, 0, 1, 1, 2]


@pytest.mark.parametrize(("most", "reached"), [(3, True), (6, False)])
def test_the_load_says_how_many_were_under_way(
    start_server: StartServer, most: int, reached: bool
) -> None:
    load = open_loop(start_server(lambda _: b""), [post("/", b"{}")], [0.0] * 5, most, patience=0.1)
    assert load.most_under_way == min(most, 5)
    with pytest.raises(ClientLimitError, match="ulimit -n") if reached else nullcontext():
        hold_to_limit(load, most)


def test_the_measured_time_begins_after_the_warm_up(start_server: StartServer) -> None:
    arrivals = [0.0, 0.1, 0.2, 0.3]
    connect = start_server(lambda _: OK)
    load = open_loop(connect, [post("/", b"{}")], arrivals, 4, warm_up=0.15, seconds=0.1)
    assert load.seconds == 0.1
    assert len(load.exchanges) == 4
    due = sorted(entry.intended - load.started for entry in load.exchanges)
    assert due == pytest.approx([-0.15, -0.05, 0.05, 0.15])


def test_a_request_says_how_much_time_its_schedule_leaves() -> None:
    stamp = time_left(1.0)
    request = post("/invocations", b"{}")
    assert stamp(request, 0.0004) == request.replace(
        b"HTTP/1.1\r\n",
        b"HTTP/1.1\r\nX-Amzn-SageMaker-Custom-Attributes: timeout-ms=999\r\n",
    )
    assert b"timeout-ms=250\r\n" in stamp(request, 0.75)
    assert b"timeout-ms=1\r\n" in stamp(request, 3.0)


def test_what_waits_in_the_client_is_stamped_when_it_is_sent(start_server: StartServer) -> None:
    waits: list[float] = []

    def stamp(request: bytes, waited: float) -> bytes:
        waits.append(waited)
        return request

    connect = start_server(lambda _: OK)
    load = open_loop(connect, [post("/", b"{}")], [0.0] * 10, most_connections=1, stamp=stamp)
    assert waits == pytest.approx([entry.lag for entry in load.exchanges])
    assert waits[-1] > waits[0]


def test_the_limit_of_connections_is_read_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {resource.RLIMIT_NOFILE: (1_024, 4_096)}
    monkeypatch.setattr(resource, "getrlimit", limits.__getitem__)
    monkeypatch.setattr(resource, "setrlimit", limits.__setitem__)
    assert most_connections() == 924
    raise_file_limit()
    assert limits[resource.RLIMIT_NOFILE] == (4_096, 4_096)
    assert most_connections() == 3_996
