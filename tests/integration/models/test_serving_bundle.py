"""The bundle: small enough, and whole: a fresh process with nothing else installed answers."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.serving.bundle import bundle

MOST_BYTES = 130_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("bundle") / "serving"
    bundle(made)
    return made


@pytest.fixture
def server(folder: Path) -> Iterator[int]:
    """The port of a server that has nothing but the bundle: no site-packages, no checkout."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}
    process = subprocess.Popen(
        [sys.executable, "-S", "-m", "models.serving", "--host", "127.0.0.1", "--port", str(port)],
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = process.stderr.readline()
    assert said.startswith("serving on"), said + process.stderr.read()
    yield port
    process.terminate()
    process.communicate(timeout=30)


def test_it_is_small_enough(folder: Path) -> None:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert 50_000_000 < size <= MOST_BYTES


@pytest.mark.enable_socket
def test_a_process_that_has_nothing_else_answers(server: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server, timeout=30)
    texts = {"texts": ["I adore this kettle.", "The straps tore. " * 300]}
    connection.request("POST", "/invocations", json.dumps(texts))
    answer = json.loads(connection.getresponse().read())
    connection.close()
    assert [result["label"] for result in answer["results"]] == ["positive", "negative"]


def test_it_does_not_overwrite(folder: Path) -> None:
    with pytest.raises(FileExistsError):
        bundle(folder)
