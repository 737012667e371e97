"""The local cache: the real server, kept running, empty at every start."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from customerai.adapters.redis import CachePools, RedisCache
from functions._runner import parts
from functions._runner.application import Application
from functions._runner.pool import Pool
from functions._runner.settings import Settings
from functions._runner.supervisor import Supervisor
from tests.integration.runner.conftest import running, wait_for


@pytest.fixture
def client(settings: Settings) -> Iterator[Any]:
    settings.state.mkdir()
    client: Any = Redis.from_url(settings.cache_url)
    yield client
    client.close()


def test_it_is_a_cache_and_nothing_more(settings: Settings, client: Any) -> None:
    with running(parts.cache(settings)):
        configured = client.config_get("*")
        assert configured["bind"] == "127.0.0.1"
        assert (configured["save"], configured["appendonly"]) == ("", "no")
        assert int(configured["maxmemory"]) == 128 * 1024 * 1024
        assert configured["maxmemory-policy"] == "allkeys-lru"
        client.set("key", "value")
        client.shutdown()
    assert list(settings.state.iterdir()) == []


def test_it_comes_back_empty_when_it_dies(settings: Settings, client: Any, tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "logs", print)
    try:
        supervisor.start(parts.cache(settings))
        assert supervisor.wait("cache", 10)
        process = client.info("server")["process_id"]
        client.set("key", "value")
        supervisor.signal("cache", signal.SIGKILL)
        for _ in supervisor.running():
            if parts.pongs(settings.cache_port):
                break
        assert client.info("server")["process_id"] != process
        assert client.get("key") is None
    finally:
        supervisor.stop()
    wait_for(lambda: not parts.pongs(settings.cache_port))


async def test_functions_are_told_where_it_is(
    application: Application, settings: Settings, client: Any
) -> None:
    async with Pool(application.functions["http_api"], settings, 1) as pool:
        answer = await pool.invoke({"rawPath": "/x"})
    environment = json.loads(answer["body"])["environment"]
    assert environment["CACHE_IAM_NAME"] == ""
    pools = CachePools(environment["CACHE_URL"], environment["CACHE_READER_URL"])
    with running(parts.cache(settings)):
        await pools.warm()
        cache = RedisCache(pools, timeout=10.0)
        await cache.set("key", b"value", ttl=60)
        assert await cache.get("key") == b"value"
        assert client.get("key") == b"value"
        await pools.aclose()
