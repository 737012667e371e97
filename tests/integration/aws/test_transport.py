"""Connections to services: kept, looked after, bounded, and given up in time."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from customerai.adapters.aws import transport
from customerai.adapters.aws.errors import TransportError
from customerai.adapters.aws.transport import Limits, Origin, Pool
from tests.integration.aws.servers import Exchange, answer, serving

REQUEST = b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\n{}"
SECONDS = 5.0
Pools = list[Pool]


@pytest.fixture
async def pools() -> AsyncIterator[Pools]:
    made: Pools = []
    yield made
    for pool in made:
        pool.forget()
    await asyncio.sleep(0)


def pool_of(pools: Pools, url: str, **limits: float) -> Pool:
    chosen = {"connections": 4, "connect": 1.0} | limits
    pools.append(Pool(Origin.of(url), Limits(**chosen)))  # type: ignore[arg-type]
    return pools[-1]


async def test_a_connection_is_kept(pools: Pools) -> None:
    async with serving() as server:
        pool = pool_of(pools, server.url)
        for _ in range(5):
            assert (await pool.ask(REQUEST, SECONDS)).status == 200
        assert server.connections == 1
        assert (pool.gauges.opened, pool.gauges.in_use) == (1, 0)


async def test_an_answer_in_pieces_and_chunks_is_whole(pools: Pools) -> None:
    async def script(exchange: Exchange) -> None:
        head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nX-Two: b\r\n\r\n"
        chunks = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        await exchange.send(*(bytes([byte]) for byte in head + chunks))

    async with serving(script) as server:
        found = await pool_of(pools, server.url).ask(REQUEST, SECONDS)
        assert (found.body, found.headers["x-two"]) == (b"abcde", "b")


async def test_what_comes_before_the_answer_is_passed_over(pools: Pools) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n", answer(b"here"))

    async with serving(script) as server:
        assert (await pool_of(pools, server.url).ask(REQUEST, SECONDS)).body == b"here"


async def test_a_connection_that_the_server_closed_is_replaced_in_silence(pools: Pools) -> None:
    async def script(exchange: Exchange) -> None:
        if exchange.number == 1:
            exchange.end()  # in answer to the second request, without a word
        else:
            await exchange.send(answer())

    async with serving(script) as server:
        pool = pool_of(pools, server.url)
        await pool.ask(REQUEST, SECONDS)
        assert (await pool.ask(REQUEST, SECONDS)).status == 200
        assert server.connections == 2
        assert pool.gauges.reopened == 1


async def test_an_idle_connection_is_looked_at_before_it_is_used(pools: Pools) -> None:
    async with serving() as server:
        pool = pool_of(pools, server.url, trusted=0.0)
        await pool.ask(REQUEST, SECONDS)
        for writer in server.writers:
            writer.close()
        # The loop stands still as in a frozen process: only the socket knows.
        time.sleep(0.05)  # noqa: ASYNC251
        assert (await pool.ask(REQUEST, SECONDS)).status == 200
        assert pool.gauges.reopened == 1


async def test_a_connection_that_rested_too_long_is_not_used_again(pools: Pools) -> None:
    async with serving() as server:
        pool = pool_of(pools, server.url, idle=0.0)
        await pool.ask(REQUEST, SECONDS)
        await pool.ask(REQUEST, SECONDS)
        assert server.connections == 2


async def test_a_server_that_says_so_has_its_connection_closed(pools: Pools) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(answer(b"{}", "200 OK", "connection: close"))

    async with serving(script) as server:
        pool = pool_of(pools, server.url)
        await pool.ask(REQUEST, SECONDS)
        await pool.ask(REQUEST, SECONDS)
        assert server.connections == 2


async def test_no_more_connections_than_allowed_and_waits_are_counted(pools: Pools) -> None:
    release = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await release.wait()
        await exchange.send(answer())

    async with serving(script) as server:
        pool = pool_of(pools, server.url, connections=3)
        calls = [asyncio.create_task(pool.ask(REQUEST, SECONDS)) for _ in range(10)]
        await server.has_received(3)
        await asyncio.sleep(0.02)
        assert (server.connections, pool.gauges.in_use, len(server.exchanges)) == (3, 3, 3)
        release.set()
        answers = await asyncio.gather(*calls)
        assert [each.status for each in answers] == [200] * 10
        assert server.connections == 3
        assert pool.gauges.waits == 7
        assert pool.gauges.in_use == 0


@pytest.mark.parametrize("pieces", [(), (b"HTTP/1.1 200 OK\r\n",), (answer(b"12345")[:-1],)])
async def test_nobody_waits_longer_than_told(pools: Pools, pieces: tuple[bytes, ...]) -> None:
    forever = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.send(*pieces)
        await forever.wait()

    async with serving(script) as server:
        pool = pool_of(pools, server.url)
        with pytest.raises(TransportError, match="in time"):
            await asyncio.wait_for(pool.ask(REQUEST, 0.1), SECONDS)
        forever.set()
        assert pool.gauges.in_use == 0


async def test_an_answer_in_drops_does_not_stretch_the_time(pools: Pools) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(*(bytes([byte]) for byte in answer(b"x" * 1_000)), pause=0.02)

    async with serving(script) as server:
        with pytest.raises(TransportError, match="in time"):
            await asyncio.wait_for(pool_of(pools, server.url).ask(REQUEST, 0.2), SECONDS)


@pytest.mark.parametrize(
    "piece", [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123", b"SSH-2.0-OpenSSH_9.6\r\n"]
)
async def test_half_an_answer_and_no_http_are_failures(pools: Pools, piece: bytes) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(piece)
        exchange.end()

    async with serving(script) as server:
        with pytest.raises(TransportError):
            await pool_of(pools, server.url).ask(REQUEST, SECONDS)


async def test_nobody_there_is_a_failure(pools: Pools) -> None:
    async with serving() as server:
        url = server.url
    with pytest.raises(TransportError, match="reached"):
        await pool_of(pools, url).ask(REQUEST, SECONDS)


async def test_a_name_that_does_not_exist_is_a_failure(pools: Pools) -> None:
    with pytest.raises(TransportError):
        await pool_of(pools, "http://nobody.invalid").ask(REQUEST, SECONDS)


async def test_a_cancelled_call_leaves_nothing_behind(pools: Pools) -> None:
    forever = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        if exchange.number == 0 and not forever.is_set():
            await forever.wait()
        await exchange.send(answer())

    async with serving(script) as server:
        pool = pool_of(pools, server.url, connections=1)
        call = asyncio.create_task(pool.ask(REQUEST, SECONDS))
        await server.has_received(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        forever.set()
        assert (await pool.ask(REQUEST, SECONDS)).status == 200
        assert server.connections == 2, "an answer to somebody else may still come over the first"


def test_another_event_loop_begins_anew() -> None:
    pool = Pool(Origin("127.0.0.1", 1, False, "test"), Limits(connections=2, connect=1.0))

    async def ask() -> int:
        async with serving() as server:
            pool.origin = Origin.of(server.url)
            await pool.ask(REQUEST, SECONDS)
            status = (await pool.ask(REQUEST, SECONDS)).status
            assert server.connections == 1
            pool.forget()
            await asyncio.sleep(0)
            return status

    for _ in range(2):
        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(ask()) == 200
        loop.close()


# --- TLS ---


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for 127.0.0.1 that signs itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    transport._tls.cache_clear()
    return context


async def test_over_tls(
    pools: Pools, tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    async with serving(tls=tls) as server:
        pool = pool_of(pools, server.url, trusted=0.0)
        for _ in range(3):
            assert (await pool.ask(REQUEST, SECONDS)).status == 200
        assert server.connections == 1
    transport._tls.cache_clear()


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    pools: Pools, tls: ssl.SSLContext
) -> None:
    async with serving(tls=tls) as server:
        with pytest.raises(TransportError, match="reached"):
            await pool_of(pools, server.url).ask(REQUEST, SECONDS)
        assert not server.exchanges
    transport._tls.cache_clear()


async def test_what_nobody_asked_for_is_given_to_nobody(pools: Pools) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(answer(b"mine"))
        if exchange.number == 0 and server.connections == 1:
            await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nnot-")

    async with serving(script) as server:
        pool = pool_of(pools, server.url)
        assert (await pool.ask(REQUEST, SECONDS)).body == b"mine"
        await asyncio.sleep(0.05)
        assert (await pool.ask(REQUEST, SECONDS)).body == b"mine"
        assert server.connections == 2


async def test_with_no_time_left_nothing_is_asked(pools: Pools) -> None:
    async with serving() as server:
        with pytest.raises(TransportError, match="no time"):
            await pool_of(pools, server.url).ask(REQUEST, 0)
        assert not server.connections
