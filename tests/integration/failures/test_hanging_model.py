"""An endpoint that hangs at each step of a call. The client's time-outs are far longer than what
the caller has, so that they cannot be what ends the wait; the bounds say no more than that.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from customerai.adapters.sagemaker.text_analyser import SageMakerTextAnalyser
from customerai.domain.analysis import AnalysisOptions
from customerai.domain.errors import UnavailableError

CLIENT_SECONDS = 60.0
CALLER_SECONDS = 0.3
GENEROUS = 15.0
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n"


def ask() -> float:
    """How long it took to be told that there is no answer."""
    analyser = SageMakerTextAnalyser("endpoint", CLIENT_SECONDS)
    analyser.connect()
    started = time.monotonic()
    with pytest.raises(UnavailableError, match="model"):
        analyser.analyse(["text"], AnalysisOptions(), CALLER_SECONDS)
    return time.monotonic() - started


def test_an_endpoint_that_says_nothing_is_given_up_in_time(hung_model: None) -> None:
    assert ask() < GENEROUS


def drip(connection: socket.socket, content: bytes, over: threading.Event) -> None:
    """Bytes one by one, each well within any time-out of a client."""
    for byte in content:
        if over.wait(0.02):
            return
        connection.sendall(bytes([byte]))


def dripping_head(connection: socket.socket, over: threading.Event) -> None:
    drip(connection, HEAD[:-2] + b"x-padding: " + b"x" * 10_000, over)


def dripping_body(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(HEAD)
    drip(connection, b" " * 5_000, over)


@contextmanager
def serving(
    speak: Callable[[socket.socket, threading.Event], None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def serve() -> None:
            while not over.is_set():
                with suppress(OSError), server.accept()[0] as connection:
                    connection.recv(65_536)
                    speak(connection, over)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
        yield
        over.set()
        thread.join()


@pytest.mark.parametrize("speak", [dripping_head, dripping_body])
def test_an_answer_that_comes_in_drops_is_given_up_in_time(
    speak: Callable[[socket.socket, threading.Event], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(speak, monkeypatch):
        assert ask() < GENEROUS


def test_an_answer_that_breaks_off_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(HEAD + b'{"results"')

    with serving(break_off, monkeypatch), pytest.raises(UnavailableError):
        SageMakerTextAnalyser("endpoint", 5).analyse(["text"], AnalysisOptions(), 5)
