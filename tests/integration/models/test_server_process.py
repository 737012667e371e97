"""The server as a process: what SageMaker starts and what boto3 speaks to."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from models.sentiment.lock import read_lock
from models.sentiment.predictor import ARTIFACT

RUNNING = "Uvicorn running on"


def start(port: int) -> subprocess.Popen[str]:
    """Start the server as SageMaker does and return once it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "models.serving", "serve", "--host", "127.0.0.1"],
        env=os.environ | {"SAGEMAKER_BIND_TO_PORT": str(port)},
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
        Body=json.dumps({"texts": ["I adore this kettle.", "This kettle is a disaster."]}),
    )
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
def test_ping_answers(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/ping")
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.enable_socket
def test_a_request_under_way_is_answered_after_sigterm(
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
        assert any("Shutting down" in line for line in server.stderr)
        connection.sendall(body)
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.status == 200
        assert len(json.loads(response.read())["results"]) == 1
        response.close()
    server.communicate(timeout=30)
    assert server.returncode in (0, -signal.SIGTERM)


def test_an_altered_artefact_keeps_the_server_from_starting(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    empty = tmp_path_factory.mktemp("artifact")
    ended = subprocess.run(
        [sys.executable, "-m", "models.serving", "--artifact", str(empty)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "artifact.lock.json" in ended.stderr
