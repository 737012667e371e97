"""The parts that adapters speak to: moto in this process, dynoxide beside it."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any
from uuid import uuid4

import boto3
import httpx
import pytest
from botocore.exceptions import BotoCoreError
from moto.server import ThreadedMotoServer
from pytest_asyncio import is_async_test

from customerai.adapters import aws, secrets
from customerai.adapters.dynamodb.models import InteractionModel, RequestModel
from customerai.adapters.s3 import dead_records
from functions._runner.assembly import Assembly, load_assembly
from functions._runner.lifeline import die_with
from functions._runner.platform import dynoxide_binary
from functions._runner.resources import table_request
from functions._runner.settings import Settings


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def assembly() -> Assembly:
    """The synthesised local stage, which `make test` keeps up to date."""
    return load_assembly(replace(Settings.from_environment({}), port=1))


@pytest.fixture(autouse=True)
def _clients_of_this_test_only(request: pytest.FixtureRequest, _event_loop: None) -> Iterator[None]:
    """Clients are made once in a process; each test has its own emulator."""
    on_its_own_loop = is_async_test(request.node)
    if on_its_own_loop:
        request.getfixturevalue("_connections_of_this_loop_only")
    yield
    if not on_its_own_loop:
        asyncio.get_event_loop().run_until_complete(_forget())


@pytest.fixture
async def _connections_of_this_loop_only() -> AsyncIterator[None]:
    yield
    await _forget()


async def _forget() -> None:
    """As if the process had begun anew, but with the loop that the connections are on."""
    aws.forget()
    await asyncio.sleep(0)  # what is closed is let go of by the loop
    dead_records.client.cache_clear()
    secrets._read.clear()
    for model in (InteractionModel, RequestModel):
        model._connection = None


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def moto(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cloud with nothing in it."""
    httpx.post(f"{moto_url}/moto-api/reset").raise_for_status()
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)


@pytest.fixture(scope="session")
def dynoxide_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    database = tmp_path_factory.mktemp("dynoxide") / "test.db"
    port = free_port()
    command = [str(dynoxide_binary()), "serve", "--port", str(port), "--db-path", str(database)]
    here = os.getpid()
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: die_with(here),
    )
    url = f"http://127.0.0.1:{port}"
    client = boto3.client("dynamodb", endpoint_url=url)
    deadline = time.monotonic() + 10
    while True:
        try:
            client.list_tables()
            break
        except BotoCoreError:
            assert process.poll() is None, "dynoxide ended"
            assert time.monotonic() < deadline, "dynoxide does not answer"
            time.sleep(0.02)
    yield url
    process.kill()
    process.wait()


@pytest.fixture
def dynoxide(dynoxide_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynoxide_url)


CreateTable = Callable[[str], Awaitable[str]]


@pytest.fixture
def create_table(assembly: Assembly) -> CreateTable:
    """Creates a table as the templates have it, under a name of its own, and returns that."""
    tables = {table.name: table for table in assembly.resources("AWS::DynamoDB::Table")}
    tables |= {table.name: table for table in assembly.resources("AWS::DynamoDB::GlobalTable")}

    async def create(thing: str) -> str:
        name = f"{thing}-{uuid4().hex}"
        request: Mapping[str, Any] = table_request(tables[f"customerai-local-{thing}"].properties)
        await aws.dynamodb().call("CreateTable", {"TableName": name, **request})
        return name

    return create


@pytest.fixture(params=["memory", "moto", "dynoxide"])
def backend(request: pytest.FixtureRequest) -> str:
    """What stands behind the port; contract suites run against each."""
    if request.param != "memory":
        request.getfixturevalue(request.param)
    return str(request.param)


@pytest.fixture
def hung_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An endpoint that takes every connection and request, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
        yield


@pytest.fixture(scope="session")
def model_url() -> Iterator[str]:
    """The real model behind its real server."""
    port = free_port()
    command = [sys.executable, "-m", "models.serving", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    while True:
        try:
            if httpx.get(f"{url}/ping").status_code == 200:
                break
        except httpx.TransportError:
            assert process.poll() is None, "the model server ended"
        assert time.monotonic() < deadline, "the model server does not answer"
        time.sleep(0.05)
    yield url
    process.terminate()
    process.wait(timeout=30)


@pytest.fixture
def model(model_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", model_url)
