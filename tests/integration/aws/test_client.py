"""The lean client: what it sends, what it makes of answers, and how often it tries."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from customerai.adapters import aws
from customerai.adapters.aws.client import ServiceClient
from customerai.adapters.aws.credentials import Credentials
from customerai.adapters.aws.errors import (
    CONDITION_FAILED,
    ServiceError,
    TransportError,
    is_transient,
    reporting,
)
from customerai.domain.errors import UnavailableError
from customerai.resilience import deadline
from customerai.resilience.retries import RetryBudget
from tests.integration.aws.servers import Exchange, Server, answer, serving

OK = answer(b'{"Item": {"pk": {"S": "a"}}}')


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    async with serving() as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
        yield made


def told(status: str, body: Mapping[str, object], *headers: str) -> bytes:
    return answer(json.dumps(body).encode(), status, *headers)


def script(server: Server, *answers: bytes) -> None:
    """These, one a request; the last one for all that follow."""
    left = list(answers)

    async def send(exchange: Exchange) -> None:
        await exchange.send(left.pop(0) if len(left) > 1 else left[0])

    server.script = send


async def get(client: ServiceClient | None = None) -> object:
    return await (client or aws.dynamodb()).call("GetItem", {"TableName": "t"})


async def test_a_call_says_what_it_wants_and_is_signed(server: Server) -> None:
    script(server, OK)
    assert await get() == {"Item": {"pk": {"S": "a"}}}
    (sent,) = server.exchanges
    assert json.loads(sent.body) == {"TableName": "t"}
    head = sent.head.lower()
    assert head.startswith("post / http/1.1\r\n")
    assert "x-amz-target: dynamodb_20120810.getitem\r\n" in head
    assert "content-type: application/x-amz-json-1.0\r\n" in head
    assert "/dynamodb/aws4_request, signedheaders=content-type;host;x-amz-date" in head


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (told("400 Bad", {"__type": f"com.amazonaws#{CONDITION_FAILED}"}), CONDITION_FAILED),
        (told("400 Bad", {"__type": "Simple", "message": "m"}), "Simple"),
        (told("424 Failed", {}, "x-amzn-errortype: ModelError:http://x"), "ModelError"),
        (answer(b"<html>", "403 Forbidden"), "HTTP403"),
        (answer(b"[1]", "404 Not Found"), "HTTP404"),
    ],
)
async def test_a_refusal_is_told_and_not_repeated(server: Server, sent: bytes, code: str) -> None:
    script(server, sent)
    with pytest.raises(ServiceError) as refused:
        await get()
    assert refused.value.code == code
    assert not is_transient(refused.value)
    assert len(server.exchanges) == 1


@pytest.mark.parametrize(
    "sent",
    [
        told("500 Oh", {"__type": "x#InternalServerError"}),
        told("400 Bad", {"__type": "x#ProvisionedThroughputExceededException"}),
        told("400 Bad", {"__type": "x#ThrottlingException"}),
        answer(b"", "503 Slow Down"),
        told("429 Too Many", {"__type": "ModelNotReadyException"}),
        answer(b"", "408 Timeout"),
    ],
)
async def test_what_may_work_the_next_time_is_tried_again(server: Server, sent: bytes) -> None:
    script(server, sent, sent, OK)
    assert await get()
    assert len(server.exchanges) == aws.MAX_ATTEMPTS


async def test_attempts_are_bounded(server: Server) -> None:
    script(server, answer(b"", "500 Oh"))
    with pytest.raises(ServiceError):
        await get()
    assert len(server.exchanges) == aws.MAX_ATTEMPTS


async def test_retries_of_all_calls_share_a_budget(server: Server) -> None:
    script(server, answer(b"", "500 Oh"))
    calls = 30
    for _ in range(calls):
        with pytest.raises(ServiceError):
            await get()
    assert len(server.exchanges) == calls + RetryBudget().tokens


async def test_a_connection_that_breaks_is_tried_again(server: Server) -> None:
    async def break_once(exchange: Exchange) -> None:
        if len(server.exchanges) == 1:
            await exchange.send(OK[:20])
            exchange.end()
        else:
            await exchange.send(OK)

    server.script = break_once
    assert await get()


async def test_nothing_outlasts_the_deadline(server: Server) -> None:
    forever = asyncio.Event()

    async def hang(exchange: Exchange) -> None:
        await forever.wait()

    server.script = hang
    began = asyncio.get_running_loop().time()
    with deadline.within(0.2), pytest.raises((TransportError, UnavailableError)):
        await get()
    assert asyncio.get_running_loop().time() - began < aws.READ_TIMEOUT_SECONDS
    forever.set()


async def test_what_is_transient_is_unavailability_and_the_rest_is_ours(server: Server) -> None:
    script(server, answer(b"", "500 Oh"))
    with pytest.raises(UnavailableError, match="store"), reporting("store"):
        await get()
    script(server, told("400 Bad", {"__type": "x#ValidationException"}))
    with pytest.raises(ServiceError), reporting("store"):
        await get()


async def test_credentials_that_expire_are_fetched_anew(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where Lambda restores a snapshot: a container endpoint in place of the environment."""
    issued = 0

    async def issue(exchange: Exchange) -> None:
        nonlocal issued
        issued += 1
        lifetime = timedelta(seconds=1) if issued == 1 else timedelta(hours=1)
        found = {
            "AccessKeyId": f"KEY{issued}",
            "SecretAccessKey": "secret",
            "Token": f"token-{issued}",
            "Expiration": (datetime.now(UTC) + lifetime).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        await exchange.send(told("200 OK", found, "content-type: application/json"))

    async with serving(issue) as issuer:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{issuer.url}/credentials")
        script(server, OK)
        for _ in range(3):
            await get()
    tokens = [sent.head.partition("x-amz-security-token: ")[2][:7] for sent in server.exchanges]
    assert tokens[-1] == "token-2"
    assert "Credential=KEY2/" in server.exchanges[-1].head
    assert issued == 2


async def test_after_a_snapshot_everything_is_made_anew(server: Server) -> None:
    script(server, OK)
    await get()
    client = aws.dynamodb()
    aws.forget()
    await get()
    assert aws.dynamodb() is not client
    assert server.connections == 2


async def test_an_answer_that_can_not_be_read_is_no_answer(server: Server) -> None:
    script(server, answer(b"<html>"))
    with pytest.raises(TransportError, match="read"):
        await get()


async def test_credentials_that_do_not_come_hold_nobody_up(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(server, OK)
    client = aws.dynamodb()

    async def never() -> Credentials:
        await asyncio.Event().wait()
        raise AssertionError

    slow = replace(client, credentials=never)
    with deadline.within(0.1), pytest.raises(UnavailableError):
        await asyncio.wait_for(get(slow), 5)
