"""The processes of the local platform: how each is started, and when it is ready."""

from __future__ import annotations

import os
import socket
import sys
import urllib.request
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from functions._runner.assembly import Assembly
from functions._runner.platform import dynoxide_binary, redis_binary
from functions._runner.resources import create_emulated, create_tables
from functions._runner.settings import CHECKOUT, HOST, Settings
from functions._runner.supervisor import Part

MINISTACK = CHECKOUT / ".tools/bin/ministack"
_PROBE_SECONDS = 2.0
_CACHE_MEMORY = "128mb"


def database(assembly: Assembly, settings: Settings) -> Part:
    """Ready with its tables."""
    path = settings.state / "dynoxide.db"
    return Part(
        "database",
        [
            *(str(dynoxide_binary()), "serve", "--host", HOST),
            *("--port", str(settings.database_port), "--db-path", str(path)),
        ],
        os.environ,
        lambda: _succeeds(lambda: create_tables(assembly, settings)),
    )


def emulator(
    assembly: Assembly, settings: Settings, emptied: Callable[[], None] = lambda: None
) -> Part:
    """Ready with its queues, buckets and secrets; `emptied` is called after every start.

    It keeps queues and secrets in memory, buckets in the state folder.
    """

    def ready() -> bool:
        if not answers(f"{settings.emulator_url}/_ministack/health"):
            return False
        if not _succeeds(lambda: create_emulated(assembly, settings)):
            return False
        emptied()
        return True

    home = settings.state / "emulator"
    home.mkdir(parents=True, exist_ok=True)
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "TMPDIR": str(home),
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(settings.emulator_port),
        "SERVICES": "s3,secretsmanager,sqs",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(settings.state / "buckets"),
    }
    return Part("emulator", [str(MINISTACK)], environment, ready)


def cache(settings: Settings) -> Part:
    """Empty after every start; when it is full it forgets what was used longest ago."""
    return Part(
        "cache",
        [
            *(str(redis_binary()), "--bind", HOST, "--port", str(settings.cache_port)),
            *("--save", "", "--appendonly", "no", "--dir", str(settings.state)),
            *("--maxmemory", _CACHE_MEMORY, "--maxmemory-policy", "allkeys-lru"),
        ],
        os.environ,
        lambda: pongs(settings.cache_port),
    )


def model(settings: Settings) -> Part:
    return Part(
        "model",
        [
            *(sys.executable, "-m", "models.serving"),
            *("--host", HOST, "--port", str(settings.model_port)),
        ],
        os.environ,
        lambda: answers(f"{settings.model_url}/ping"),
    )


def gateway(settings: Settings) -> Part:
    """Ready when the API's own health check says so, through the gateway."""
    return Part(
        "gateway",
        [sys.executable, "-m", "functions._runner.gateway"],
        os.environ | settings.to_environment(),
        lambda: answers(f"{settings.url}/health"),
    )


def events(settings: Settings) -> Part:
    return Part(
        "events",
        [sys.executable, "-m", "functions._runner.events"],
        os.environ | settings.to_environment(),
    )


def demo(settings: Settings, token: str) -> Part:
    return Part(
        "demo",
        [sys.executable, "-m", "functions._runner.demo"],
        os.environ | settings.to_environment() | {"CUSTOMERAI_TOKEN": token},
        once=True,
    )


def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=_PROBE_SECONDS) as answer:  # noqa: S310 loopback
            return bool(answer.status == 200)
    except OSError:
        return False


def pongs(port: int) -> bool:
    """Whether a Redis server answers a PING on this port of the loopback."""
    try:
        with socket.create_connection((HOST, port), _PROBE_SECONDS) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
    except OSError:
        return False


def _succeeds(create: Callable[[], None]) -> bool:
    """False where the part does not answer yet, or has just gone again."""
    try:
        create()
    except (BotoCoreError, ClientError):
        return False
    return True
