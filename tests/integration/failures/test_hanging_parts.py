"""Parts that hang at each step of a call. Clients' own time-outs are longer than what the caller
has, so that they cannot be what ends the wait; the bounds say no more than that.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import pytest

from customerai.adapters.dynamodb.interactions import DynamoDBInteractions
from customerai.adapters.dynamodb.taxonomies import DynamoDBTaxonomies
from customerai.adapters.memory.shard_schedules import MemoryShardSchedules
from customerai.adapters.sagemaker.text_analyser import SageMakerTextAnalyser
from customerai.adapters.static_analyser import StaticAnalyser
from customerai.domain.analysis import AnalysisOptions, Feature, RequestedTier, Tier
from customerai.domain.errors import UnavailableError
from customerai.domain.ids import make_id
from customerai.domain.interaction import Channel, Interaction
from customerai.resilience import deadline
from customerai.usecases.analyse_texts import analyse_texts

CLIENT_SECONDS = 60.0
CALLER_SECONDS = 0.3
GENEROUS = 15.0
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n"
PLAIN = AnalysisOptions()
VARIABLES = ("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "AWS_ENDPOINT_URL_DYNAMODB")

Speak = Callable[[socket.socket, threading.Event], None]


async def ask_the_model() -> None:
    await SageMakerTextAnalyser("endpoint", CLIENT_SECONDS).analyse(["text"], PLAIN, CALLER_SECONDS)


async def ask_the_store() -> None:
    async with deadline.timeout("store", CALLER_SECONDS):
        await DynamoDBTaxonomies("settings").get("acme")


async def ask_the_store_by_a_deadline() -> None:
    with deadline.within(CALLER_SECONDS):
        await DynamoDBTaxonomies("settings").get("acme")


CALLS = [ask_the_model, ask_the_store, ask_the_store_by_a_deadline]


async def given_up(call: Callable[[], Awaitable[None]]) -> float:
    """After how many seconds there was known to be no answer."""
    started = time.monotonic()
    with pytest.raises(UnavailableError, match=r"^(model|store) is unavailable$"):
        await call()
    return time.monotonic() - started


class Server:
    """One connection after the other, each spoken to by ``speak``; ``asked`` counts them."""

    def __init__(self, speak: Speak) -> None:
        self.speak, self.asked, self.over = speak, 0, threading.Event()


@contextmanager
def serving(speak: Speak, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    told = Server(speak)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def serve() -> None:
            while not told.over.is_set():
                with suppress(OSError), server.accept()[0] as connection:
                    connection.recv(65_536)
                    told.asked += 1
                    speak(connection, told.over)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        for variable in VARIABLES:
            monkeypatch.setenv(variable, f"http://127.0.0.1:{server.getsockname()[1]}")
        yield told
        told.over.set()
        thread.join()


def say_nothing(_: socket.socket, over: threading.Event) -> None:
    over.wait()


def drip(connection: socket.socket, content: bytes, over: threading.Event) -> None:
    """Bytes one by one, each well within any time-out of a client."""
    for byte in content:
        if over.wait(0.02):
            return
        connection.sendall(bytes([byte]))


def dripping_head(connection: socket.socket, over: threading.Event) -> None:
    drip(connection, HEAD[:-2] + b"x-padding: " + b"x" * 10_000, over)


def dripping_body(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(HEAD)
    drip(connection, b" " * 5_000, over)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("speak", [say_nothing, dripping_head, dripping_body])
async def test_what_hangs_or_comes_in_drops_is_given_up_in_time(
    call: Callable[[], Awaitable[None]], speak: Speak, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(speak, monkeypatch) as server:
        assert await given_up(call) < GENEROUS
        assert server.asked == 1  # the client's own time-outs would have let it ask again


@pytest.mark.parametrize("call", CALLS)
async def test_one_that_takes_no_connection_is_given_up_in_time(
    call: Callable[[], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its queue of connections is full, so that the kernel answers no more."""
    with socket.socket() as full, socket.socket() as waiting, socket.socket() as more:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for each in (waiting, more):
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        for variable in VARIABLES:
            monkeypatch.setenv(variable, f"http://127.0.0.1:{full.getsockname()[1]}")
        assert await given_up(call) < GENEROUS


@pytest.fixture
def hung_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """No name is ever resolved while the test runs."""
    over = threading.Event()

    def hang(*_: object, **__: object) -> None:
        over.wait()
        raise socket.gaierror("the test is over")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "http://part.example.com")
    yield over
    over.set()


@pytest.mark.parametrize("call", CALLS)
async def test_a_name_that_is_never_resolved_is_given_up_in_time(
    call: Callable[[], Awaitable[None]], hung_names: threading.Event
) -> None:
    assert await given_up(call) < GENEROUS


class SmallModel:
    version = "small-1"
    abstain_below = 0.5

    def probabilities(self, texts: Sequence[str]) -> list[list[float]]:
        return [[0.7, 0.2, 0.1] for _ in texts]


async def test_however_many_calls_hang_the_fallback_answers_in_time(
    hung_names: threading.Event,
) -> None:
    """Each leaves threads behind that wait for a name; nothing else may wait for those."""
    fallback = StaticAnalyser(SmallModel)

    async def answer() -> Tier:
        found = await analyse_texts(
            "acme",
            ["It broke."],
            RequestedTier.FULL,
            frozenset[Feature](),
            analyser=SageMakerTextAnalyser("endpoint", CLIENT_SECONDS),
            fallback=fallback,
            taxonomies=DynamoDBTaxonomies("settings"),
            seconds=0.6,
        )
        return found.analyses[0].tier

    async with asyncio.timeout(GENEROUS):
        assert set(await asyncio.gather(*(answer() for _ in range(40)))) == {Tier.STATIC}


async def test_an_answer_that_breaks_off_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(HEAD + b'{"results"')

    with serving(break_off, monkeypatch), pytest.raises(UnavailableError):
        await SageMakerTextAnalyser("endpoint", 5).analyse(["text"], PLAIN, 5)


async def test_while_writes_hang_reads_are_given_up_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Writes block threads of their own, never the loop."""
    now = datetime(2026, 11, 23, tzinfo=UTC)
    one = Interaction("acme", make_id(now, bytes(10)), now, now, "c", Channel.CHAT, "text")
    with serving(say_nothing, monkeypatch):
        store = DynamoDBInteractions("interactions", MemoryShardSchedules())
        writing = asyncio.create_task(store.add([one] * 3))
        assert await given_up(ask_the_store) < GENEROUS
        assert not writing.done()
        assert [type(each) for each in await writing] == [UnavailableError] * 3
