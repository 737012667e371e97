"""The server as a process: what SageMaker starts and what boto3 speaks to."""

from __future__ import annotations

import hashlib
import http.client
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import msgspec
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from customerai.adapters.sagemaker.text_analyser import SageMakerTextAnalyser
from customerai.domain.analysis import AnalysisOptions, Feature, RequestedTier
from customerai.domain.default_taxonomy import DEFAULT_TAXONOMY
from customerai.domain.errors import UnavailableError
from customerai.resilience.shedding import Priority
from models.sentiment.lock import read_lock
from models.sentiment.predictor import ARTIFACT

RUNNING = "serving on"
LONG = "The parcel was late and nobody told me why. " * 200


def start(port: int, *arguments: str) -> subprocess.Popen[str]:
    """Start the server as SageMaker does and return once it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "models.serving", "serve", "--host", "127.0.0.1", *arguments],
        env=os.environ | {"SAGEMAKER_BIND_TO_PORT": str(port), "SERVING_MODELS": "full"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if RUNNING in line:
            return process
    raise AssertionError(f"the server ended with {process.wait()} before it listened")


def stop(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    return process.returncode


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def server(port: int) -> Iterator[subprocess.Popen[str]]:
    process = start(port)
    yield process
    if process.poll() is None:
        stop(process)


def call(
    port: int, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, content


@pytest.mark.enable_socket
@pytest.mark.usefixtures("server")
def test_boto3_speaks_to_it_unchanged(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", f"http://127.0.0.1:{port}")
    client = boto3.client(
        "sagemaker-runtime",
        region_name="eu-west-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1}),
    )
    response = client.invoke_endpoint(
        EndpointName="sentiment",
        ContentType="application/json",
        CustomAttributes="timeout-ms=30000,priority=critical",
        Body=json.dumps({"texts": ["I adore this kettle.", "This kettle is a disaster."]}),
    )
    assert re.fullmatch(r"models=[0-9a-f]{16}", response["CustomAttributes"])
    answer = json.loads(response["Body"].read())
    response["Body"].close()
    assert answer["model"] == read_lock(ARTIFACT).version
    assert [result["label"] for result in answer["results"]] == ["positive", "negative"]
    for result in answer["results"]:
        assert sum(result["scores"].values()) == pytest.approx(1.0)

    with pytest.raises(ClientError) as refused:
        client.invoke_endpoint(
            EndpointName="sentiment", ContentType="application/json", Body=b'{"texts": []}'
        )
    assert refused.value.response["Error"]["Code"] == "ModelError"
    assert refused.value.response["Error"]["Message"].startswith("texts: ")
    assert refused.value.response.get("OriginalStatusCode") == 400
    client.close()


@pytest.mark.enable_socket
@pytest.mark.usefixtures("server")
def test_it_answers_for_itself(port: int) -> None:
    assert call(port, "GET", "/ping")[0] == 200
    status, body = call(port, "GET", "/models")
    assert status == 200
    (model,) = json.loads(body)["models"]
    assert model["name"] == "full"
    assert 0 < model["bytes"] <= model["limit_bytes"]
    body = msgspec.msgpack.encode({"texts": [LONG, "Lovely."]})
    kinds = {"Content_Type": "application/msgpack", "Accept": "application/msgpack"}
    status, body = call(port, "POST", "/invocations", body, **kinds)
    assert status == 200
    labels = [result["label"] for result in msgspec.msgpack.decode(body)["results"]]
    assert labels == ["negative", "positive"]
    status, body = call(port, "GET", "/metrics")
    assert status == 200
    assert b'serving_batch_size_count{model="full"}' in body


@pytest.mark.enable_socket
@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("path", ["/invocations", "/endpoints/sentiment/invocations"])
@pytest.mark.parametrize(("kind", "codec"), [("json", msgspec.json), ("msgpack", msgspec.msgpack)])
def test_features_and_tiers_that_are_not_loaded(
    port: int, path: str, kind: str, codec: Any
) -> None:
    kinds = {"Content_Type": f"application/{kind}", "Accept": f"application/{kind}"}
    asked = {
        "texts": ["The strap broke, but support was lovely."],
        "include": ["aspects", "topics", "intent", "urgency", "language"],
        "topics": [{"id": "t", "label": "Support"}],
    }
    status, body = call(port, "POST", path, codec.encode(asked), **kinds)
    answer = codec.decode(body)
    assert status == 200
    assert answer["omitted"] == ["intent", "language", "topics", "urgency"]
    (result,) = answer["results"]
    assert set(result) == {"label", "scores", "model", "tier", "abstained", "aspects"}
    for tier in ("fast", "cascade"):
        asked = {"texts": ["Lovely."], "tier": tier}
        status, body = call(port, "POST", path, codec.encode(asked), **kinds)
        told = json.loads(body)
        if path == "/invocations":
            assert (status, told["code"]) == (501, "NotServed")
        else:
            assert (status, told["OriginalStatusCode"]) == (424, 501)


@pytest.mark.enable_socket
@pytest.mark.usefixtures("server")
async def test_the_client_knows_what_was_left_out_and_which_models_answer(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", f"http://127.0.0.1:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    client = SageMakerTextAnalyser("sentiment", 20, priority=Priority.BATCH)
    options = AnalysisOptions(include=frozenset(Feature), taxonomy=DEFAULT_TAXONOMY)
    answer = await client.ask(["The strap broke."], options, 20)
    pairs = json.dumps([["full", read_lock(ARTIFACT).version]], separators=(",", ":"))
    assert answer.models == hashlib.sha256(pairs.encode()).hexdigest()[:16]
    (analysis,) = answer.analyses
    assert analysis.features == {Feature.ASPECTS}
    assert analysis.topics is None
    with pytest.raises(UnavailableError):
        await client.analyse(["The strap broke."], AnalysisOptions(RequestedTier.FAST), 20)


def runs_of(port: int) -> bytes:
    found = re.search(rb"serving_compute_seconds_count.*", call(port, "GET", "/metrics")[1])
    return found[0] if found else b"serving_compute_seconds_count 0"


@pytest.mark.enable_socket
def test_an_answer_that_is_read_late_is_whole_after_sigterm(port: int) -> None:
    process = start(port, "--models", "embeddings")
    body = json.dumps({"texts": ["I adore this kettle."] * 32}).encode()
    head = b"POST /models/embeddings/invocations HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    answered = b""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        connection.sendall((head % len(body) + body) * 12)
        before, runs = b"", runs_of(port)
        while before != runs or runs.endswith(b" 0"):  # until it has no room to write
            time.sleep(0.3)
            before, runs = runs, runs_of(port)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        while received := connection.recv(2**20):
            answered += received
    process.communicate(timeout=30)
    assert process.returncode == 0
    heads = [match.end() for match in re.finditer(rb"\r\n\r\n", answered)]
    lengths = [int(length) for length in re.findall(rb"content-length: (\d+)", answered)]
    assert len(heads) == len(lengths) >= 1
    assert len(answered) - heads[-1] == lengths[-1]


@pytest.mark.enable_socket
def test_a_request_under_way_is_answered_after_sigterm_and_new_ones_are_refused(
    port: int, server: subprocess.Popen[str]
) -> None:
    body = json.dumps({"texts": ["Please finish this one first, thank you."]}).encode()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(
            b"POST /invocations HTTP/1.1\r\nHost: model\r\nExpect: 100-continue\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)
        )
        # The server asks for the body: the request is under way. Only now it is told to stop.
        assert connection.recv(65536).startswith(b"HTTP/1.1 100")
        server.send_signal(signal.SIGTERM)
        assert server.stderr is not None
        assert any("shutting down" in line for line in server.stderr)
        assert call(port, "GET", "/ping")[0] == 503
        assert call(port, "POST", "/invocations", body)[0] == 503
        connection.sendall(body)
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.status == 200
        assert len(json.loads(response.read())["results"]) == 1
        response.close()
    server.communicate(timeout=30)
    assert server.returncode == 0


@pytest.mark.enable_socket
@pytest.mark.usefixtures("server")
def test_what_a_client_gave_up_on_is_not_run_to_its_end(port: int) -> None:
    body = json.dumps({"texts": [LONG] * 20}).encode()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(
            b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        connection.sendall(body)
        deadline = time.monotonic() + 30
        while b"serving_queued_sequences 0\n" in call(port, "GET", "/metrics")[1]:
            assert time.monotonic() < deadline, "nothing was ever queued"
    while b"serving_queued_sequences 0\n" not in (metrics := call(port, "GET", "/metrics")[1]):
        assert time.monotonic() < deadline, "the queue was not emptied"
    assert b'serving_refusals_total{reason="cancelled",priority="standard"} 1\n' in metrics


PRIORITY = "X_Amzn_SageMaker_Custom_Attributes"


def analyse(port: int, texts: list[str], attributes: str, full: threading.Event) -> int:
    """Return the status of a request, asked again for as long as it is not taken on; tell if so."""
    body = json.dumps({"texts": texts}).encode()
    while (status := call(port, "POST", "/invocations", body, **{PRIORITY: attributes})[0]) == 503:
        full.set()
        time.sleep(0.2)
    return status


def queued(port: int) -> int:
    found = re.search(rb"serving_queued_sequences (\d+)\n", call(port, "GET", "/metrics")[1])
    assert found
    return int(found[1])


@pytest.mark.enable_socket
@pytest.mark.usefixtures("server")
def test_live_texts_are_in_time_whatever_batch_work_waits_and_that_is_answered_too(
    port: int,
) -> None:
    part, batch = [LONG[:450]] * 16, "timeout-ms=60000,priority=batch"
    full = threading.Event()
    body = json.dumps({"texts": ["The strap broke, but support was lovely."]}).encode()
    live = {PRIORITY: "timeout-ms=1800,priority=critical"}
    began = time.monotonic()
    assert analyse(port, part, batch, full) == 200
    parts = math.ceil(10.0 / (time.monotonic() - began))
    with ThreadPoolExecutor(parts) as pool:
        waiting = [pool.submit(analyse, port, part, batch, full) for _ in range(parts)]
        # The server lets in 5 seconds of batch work. While half of that waits, a live text that
        # had to wait for it as well would be late.
        assert full.wait(30)
        half = queued(port) / 2
        statuses = []
        while queued(port) > half:
            statuses.append(call(port, "POST", "/invocations", body, **live)[0])
        assert len(statuses) >= 5
        assert set(statuses) == {200}
        assert {each.result() for each in waiting} == {200}


@pytest.mark.enable_socket
@pytest.mark.usefixtures("server")
def test_batch_work_is_answered_though_live_work_never_lets_up(port: int) -> None:
    over, full = threading.Event(), threading.Event()

    def never_let_up() -> list[int]:
        texts = [LONG[:450]] * 4
        statuses = []
        while not over.is_set():
            statuses.append(analyse(port, texts, "priority=standard", full))
        return statuses

    with ThreadPoolExecutor(8) as pool:
        live = [pool.submit(never_let_up) for _ in range(8)]
        try:
            while queued(port) < 8:
                time.sleep(0.05)
            status = analyse(port, ["The strap broke."] * 2, "priority=batch", full)
        finally:
            over.set()
        assert status == 200
        assert not full.is_set()
        for each in live:
            assert set(each.result()) == {200}


def ended(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "models.serving", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_altered_artefact_keeps_the_server_from_starting(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    empty = tmp_path_factory.mktemp("artifact")
    process = ended("--models", "full", "--artifact", str(empty))
    assert process.returncode == 2
    assert "artifact.lock.json" in process.stderr


def test_a_model_over_its_memory_limit_keeps_the_server_from_starting() -> None:
    process = ended("--models", "full", SERVING_MEMORY_MB="full=10")
    assert process.returncode == 2
    assert "full: takes " in process.stderr
    assert "more than its limit of 10 MB" in process.stderr


def test_a_model_without_the_one_it_needs_keeps_the_server_from_starting() -> None:
    process = ended("--models", "intents")
    assert process.returncode == 2
    assert "intents: needs embeddings" in process.stderr
