"""AWS's Runtime Interface Emulator around a built bundle: what Lambda runs, on this machine.

The binary is the one that the SAM command line carries. It takes every argument that it does not
know, `--help` too, for the function's command.
"""

from __future__ import annotations

import http.client
import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.performance.api.bundles import lambda_environment
from tests.performance.api.subject import Python
from tests.performance.serving.processes import free_port, group

Invoke = Callable[[Mapping[str, Any]], Any]

_PATH = "/2015-03-31/functions/function/invocations"
_START_SECONDS = 10.0
_ANSWER_SECONDS = 60.0
_FUNCTION_SECONDS = 120


def binary() -> Path:
    """The emulator for this machine's processor. AssertionError where `make setup` has not run."""
    on_arm = platform.machine().lower() in {"arm64", "aarch64"}
    name = f"aws-lambda-rie-{'arm64' if on_arm else 'x86_64'}"
    path = ROOT / ".tools" / "rie" / "samcli" / "local" / "rapid" / name
    assert path.is_file(), f"{path} is missing: run make setup"
    return path


@contextmanager
def emulated(
    python: Python, task: Path, handler: str, environment: Mapping[str, str], log: Path
) -> Iterator[Invoke]:
    """Start the emulator with a function, and yield what sends it an event.

    Args:
        python: an interpreter with the bundle and Lambda's runtime client.
        task: the function's folder, where it runs.
        handler: as in the template.
        environment: the function's own variables.
        log: takes what the emulator and the function print.
    """
    port = free_port()
    command = [
        str(binary()),
        f"--runtime-interface-emulator-address=127.0.0.1:{port}",
        f"--runtime-api-address=127.0.0.1:{free_port()}",
        *(str(python.path), *python.options, "-m", "awslambdaric", handler),
    ]
    variables = lambda_environment(python, task, handler, environment)
    variables["AWS_LAMBDA_FUNCTION_TIMEOUT"] = str(_FUNCTION_SECONDS)

    def invoke(event: Mapping[str, Any]) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
        try:
            connection.request("POST", _PATH, json.dumps(event))
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        failed = isinstance(answer, dict) and "errorType" in answer
        assert not failed, f"{answer}\n{log.read_text(errors='replace')[-3_000:]}"
        return answer

    with group(command, variables, log, folder=task):
        _await(port, log)
        yield invoke


def _await(port: int, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.connect()
        except OSError:
            time.sleep(0.02)
        else:
            return
        finally:
            connection.close()
    raise AssertionError(f"the emulator does not listen:\n{log.read_text(errors='replace')}")
