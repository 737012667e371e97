"""Connections: how many, how they are checked, and when they are made anew."""

import asyncio
import contextlib
import gc
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from customerai.adapters.redis import CachePools, RedisCache
from customerai.adapters.redis.pools import Limits
from customerai.domain.errors import UnavailableError
from customerai.resilience import deadline
from tests.integration.redis.conftest import Open
from tests.integration.redis.servers import Proxy, Server, until
from tests.performance.api.certificates import self_signed

T = TypeVar("T")


async def test_no_more_connections_than_there_may_be(primary: Server, opened: Open) -> None:
    pools = opened(primary.url, limits=Limits(size=2))
    await pools.warm()
    cache = RedisCache(pools, timeout=10.0)
    assert pools.gauges()["waits"] == 0
    await cache.set("key", b"value", ttl=60)
    assert await asyncio.gather(*(cache.get("key") for _ in range(40))) == [b"value"] * 40
    assert len(primary.clients()) == 2
    gauges = pools.gauges()
    assert gauges["waits"] > 0
    assert (gauges["connects"], gauges["reconnects"], gauges["in_use"]) == (2, 0, 0)


async def test_connections_over_tls(primary: Server, opened: Open, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path / "own.pem")
    async with Proxy(primary.port, certificate) as proxy:
        address = f"rediss://127.0.0.1:{proxy.port}/0"
        cache = RedisCache(opened(f"{address}?ssl_ca_certs={certificate}"), timeout=5.0)
        await cache.ready()
        await cache.set_many({"a": b"1", "b": b"2"}, ttl=60)
        assert await cache.get_many(["a", "b"]) == [b"1", b"2"]
        with pytest.raises(UnavailableError):
            await opened(address).warm()


async def test_connections_are_in_use_while_they_are(primary: Server, opened: Open) -> None:
    pools = opened(primary.url)
    await pools.warm()
    with primary.held():
        calls = [asyncio.create_task(pools.read(lambda c: c.get("key"))) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert pools.gauges()["in_use"] == 3
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    assert pools.gauges()["in_use"] == 0


async def test_a_connection_that_the_server_closed_is_replaced_unnoticed(
    primary: Server, opened: Open
) -> None:
    pools = opened(primary.url)
    await pools.warm()
    cache = RedisCache(pools, timeout=10.0)
    await cache.set("key", b"value", ttl=60)
    primary.admin.client_kill_filter(_type="normal", skipme=True)
    await asyncio.sleep(0.05)
    assert await cache.get("key") == b"value"
    assert pools.gauges()["reconnects"] == 1
    assert cache.counts.failures == 0


async def test_after_a_rest_a_connection_is_asked_first(primary: Server, opened: Open) -> None:
    pools = opened(primary.url, limits=Limits(idle=0.0))
    await pools.warm()
    pings = primary.calls("ping")
    cache = RedisCache(pools, timeout=10.0)
    await cache.get("key")
    await cache.get("key")
    assert primary.calls("ping") == pings + 2
    assert pools.gauges()["reconnects"] == 0


async def test_a_connection_that_has_silently_died_is_replaced(
    primary: Server, opened: Open
) -> None:
    async with Proxy(primary.port) as proxy:
        pools = opened(proxy.url, limits=Limits(idle=0.0))
        await pools.warm()
        cache = RedisCache(pools, timeout=10.0)
        await cache.set("key", b"value", ttl=60)
        proxy.deaf = True
        hears_again = asyncio.get_running_loop().call_later(0.015, setattr, proxy, "deaf", False)
        assert await cache.get("key") == b"value"
        hears_again.cancel()
        assert proxy.accepted == 2
        assert pools.gauges()["reconnects"] == 1


async def test_rebuilt_pools_have_new_connections_and_leave_none(
    primary: Server, opened: Open
) -> None:
    pools = opened(primary.url)
    await pools.warm()
    cache = RedisCache(pools, timeout=10.0)
    await cache.set("key", b"value", ttl=60)
    [before] = primary.clients()
    pools.rebuild()
    await pools.warm()
    assert await cache.get("key") == b"value"
    await asyncio.sleep(0.05)
    [after] = primary.clients()
    assert after["id"] != before["id"]
    assert pools.gauges()["connects"] == 2


def in_a_loop_of_its_own(coroutine: Coroutine[Any, Any, T]) -> T:
    """Which is closed then, and was never the thread's."""
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        return loop.run_until_complete(coroutine)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # the closed loop can't close them
def test_another_event_loop_has_connections_of_its_own(primary: Server) -> None:
    pools = CachePools(primary.url)
    cache = RedisCache(pools, timeout=10.0)

    async def write(value: bytes) -> None:
        await pools.warm()
        await cache.set("key", value, ttl=60)

    async def read() -> bytes | None:
        assert await cache.get("key") is None  # not connected yet: nobody waits for that
        await pools.warm()
        return await cache.get("key")

    in_a_loop_of_its_own(write(b"first"))
    assert in_a_loop_of_its_own(read()) == b"first"
    pools.rebuild()  # as after a restored snapshot, where no loop runs
    in_a_loop_of_its_own(write(b"second"))
    in_a_loop_of_its_own(pools.aclose())
    gc.collect()


async def test_what_is_made_aside_does_not_end_with_the_request_that_began_it(
    primary: Server, opened: Open
) -> None:
    pools = opened(primary.url)
    cache = RedisCache(pools)
    with deadline.within(0.001):
        assert await cache.get("key") is None

    async def counts() -> bool:
        return await cache.increment("n", ttl=60) > 0

    await until(counts)
    assert pools.gauges()["connects"] == 1


async def test_warming_says_where_there_is_nothing(primary: Server, opened: Open) -> None:
    primary.kill()
    pools = opened(primary.url)
    with pytest.raises(UnavailableError) as raised:
        await pools.warm()
    assert raised.value.part == "cache"
    primary.start()
    await pools.warm()


async def test_an_iam_identity_authenticates_each_connection(primary: Server, opened: Open) -> None:
    # The server can't check a signature; it takes any password of this user, and nobody else.
    primary.admin.execute_command("ACL SETUSER functions on nopass ~* +@all")
    primary.admin.execute_command("ACL SETUSER default resetkeys")
    url = primary.url.replace("redis://", "redis://functions@")
    pools = opened(url, iam_name="cache", region="eu-west-1")
    await pools.warm()
    cache = RedisCache(pools, timeout=10.0)
    await cache.set("key", b"value", ttl=60)
    assert await cache.get("key") == b"value"
    assert {each["user"] for each in primary.clients()} == {"functions"}


async def test_without_credentials_there_is_no_cache(
    primary: Server, opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable)
    for variable in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(variable, str(tmp_path / "none"))
    url = primary.url.replace("redis://", "redis://functions@")
    pools = opened(url, iam_name="cache", region="eu-west-1")
    with pytest.raises(UnavailableError):
        await pools.warm()
    assert await RedisCache(pools).get("key") is None


def test_the_adapter_is_light_until_it_is_asked() -> None:
    code = (
        "import sys; from customerai.adapters.redis import CachePools, RedisCache;"
        "RedisCache(CachePools('redis://localhost:1', 'redis://localhost:2'));"
        "assert not {'redis', 'hiredis', 'botocore'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    "url", ["", "localhost:6379", "http://localhost", "redis://", "redis://h:x"]
)
def test_a_wrong_address_is_told_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"not the address|Port"):
        CachePools(url)


def test_an_iam_identity_needs_a_name() -> None:
    with pytest.raises(ValueError, match="IAM"):
        CachePools("rediss://host:6379", iam_name="cache", region="eu-west-1")
    with pytest.raises(ValueError, match="IAM"):
        CachePools("rediss://user@host:6379", iam_name="cache")
