"""`up`: every part of the platform, in one terminal, until Ctrl-C."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from functools import partial
from typing import TextIO

from rich.console import Console

from functions._runner import parts
from functions._runner.application import read_application
from functions._runner.assembly import Assembly, load_assembly, require_fresh_assembly
from functions._runner.platform import dynoxide_binary, redis_binary
from functions._runner.settings import HOST, Settings, StartError
from functions._runner.supervisor import Supervisor
from functions._runner.tokens import SCOPES, issue, local_issuer, signing_key

DEMO_TENANT = "demo"
_TOKEN_SECONDS = 24 * 3600
_READY_SECONDS = 60.0
_PORT_SECONDS = 3.0


def up(settings: Settings, *, demo: bool) -> int:
    """Run everything; the exit code. Raises StartError where it cannot start."""
    console = Console(highlight=False)
    assembly = load_assembly(settings)
    require_fresh_assembly(settings)
    issuer = local_issuer(read_application(assembly))
    _require_tools()
    with _only_one(settings):
        _require_ports(settings)
        signing_key(issuer.jwks)
        supervisor = Supervisor(settings.logs, partial(console.print, markup=False, soft_wrap=True))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: supervisor.request_stop())
        try:
            if _start(supervisor, assembly, settings, console):
                token = issue(issuer, DEMO_TENANT, SCOPES, _TOKEN_SECONDS)
                console.print(welcome(settings, token), markup=False, soft_wrap=True)
                if demo:
                    supervisor.start(parts.demo(settings, token))
                for _ in supervisor.running():
                    pass
            console.print("Stopping …")
        finally:
            supervisor.stop()
    return 0


def _start(
    supervisor: Supervisor, assembly: Assembly, settings: Settings, console: Console
) -> bool:
    """Start the parts in the order in which they need each other; False where told to stop."""
    begun = time.monotonic()

    def emulator_emptied() -> None:
        # What was queued is lost with the emulator: have the sweep queue it again.
        supervisor.signal("events", signal.SIGHUP)

    backing = [
        parts.database(assembly, settings),
        parts.emulator(assembly, settings, emulator_emptied),
        parts.cache(settings),
        parts.model(settings),
    ]
    # The runner's processes need tables, queues and the cache; the model may load meanwhile.
    for group, awaited in (
        (backing, ("database", "emulator", "cache")),
        ([parts.gateway(settings), parts.events(settings)], ("model", "gateway", "events")),
    ):
        for part in group:
            supervisor.start(part)
        for name in awaited:
            with console.status(f"Starting {name} …"):
                if not supervisor.wait(name, _READY_SECONDS):
                    return False
            console.print(f"{name:<9} ready after {time.monotonic() - begun:.1f} s")
    return True


def _require_tools() -> None:
    for tool in (dynoxide_binary(), redis_binary(), parts.MINISTACK):
        if shutil.which(tool) is None:
            raise StartError(f"{tool} is missing: run `make setup`.")


def _require_ports(settings: Settings) -> None:
    """StartError for a port that stays taken; a killed run may need a moment to let go of it."""
    deadline = time.monotonic() + _PORT_SECONDS
    for name, port, option in (
        ("API", settings.port, "--port"),
        ("database", settings.database_port, "--database-port"),
        ("emulator", settings.emulator_port, "--emulator-port"),
        ("model server", settings.model_port, "--model-port"),
        ("cache", settings.cache_port, "--cache-port"),
    ):
        while not _is_free(port):
            if time.monotonic() > deadline:
                raise StartError(
                    f"Port {port} of the {name} is taken: stop what uses it, or give another "
                    f"with `{option}`."
                )
            time.sleep(0.1)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def _only_one(settings: Settings) -> Iterator[TextIO]:
    """Hold the state folder; the kernel lets go of it however this process ends."""
    try:
        settings.state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"No data can be kept in {settings.state}: {error.strerror}.") from error
    with (settings.state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(
                f"The platform already runs with {settings.state}: stop it first, or give another "
                "folder with `--state-dir`."
            ) from None
        yield lock


def welcome(settings: Settings, token: str) -> str:
    """What to do next, to copy and paste."""
    api = f"{settings.url}/v1"
    bearer = '-H "Authorization: Bearer $TOKEN"'
    body = (
        '{"customer_id": "cust-1", "channel": "chat", "text": "Fast delivery, but the zip broke."}'
    )
    return f"""
CustomerAI Insights Platform: {settings.url}
Documentation:                {settings.url}/docs
Logs:                         {settings.logs}

A token of tenant {DEMO_TENANT} for a day, with all scopes (more: python -m functions token --help):

export TOKEN={token}

curl -X POST {api}/interactions {bearer} -H 'content-type: application/json' -d '{body}'
curl "{api}/interactions?limit=5" {bearer}
curl {api}/analytics/summary {bearer}

Ctrl-C stops everything; what was acknowledged is kept.
"""
