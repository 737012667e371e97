"""One worker process: imports a function's real handler and gives it one event at a time.

Like the Lambda runtime it takes the handler's name and limits from the environment. It talks with
the runner over an inherited socket, so that standard output stays for the handler's own logs.
"""

from __future__ import annotations

import importlib
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from functions._runner import frames
from functions._runner.lifeline import die_with


@dataclass(frozen=True)
class Context:
    """The handler's second argument, with the names that AWS gives it."""

    aws_request_id: str
    invoked_function_arn: str
    deadline: float
    function_name: str
    function_version: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str
    identity: None = None
    client_context: None = None

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.deadline - time.time()) * 1000))


def load_handler(name: str) -> Callable[[Any, Any], Any]:
    """The callable that a string such as `functions.sentiment_api.handler.handler` names."""
    module, _, attribute = name.rpartition(".")
    handler: Callable[[Any, Any], Any] = getattr(importlib.import_module(module), attribute)
    return handler


def context(message: Mapping[str, Any], environment: Mapping[str, str]) -> Context:
    return Context(
        aws_request_id=message["request_id"],
        invoked_function_arn=message["arn"],
        deadline=message["deadline"],
        function_name=environment["AWS_LAMBDA_FUNCTION_NAME"],
        function_version=environment["AWS_LAMBDA_FUNCTION_VERSION"],
        memory_limit_in_mb=environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
        log_group_name=environment["AWS_LAMBDA_LOG_GROUP_NAME"],
        log_stream_name=environment["AWS_LAMBDA_LOG_STREAM_NAME"],
    )


def failure(error: BaseException) -> dict[str, Any]:
    """What Lambda answers for a handler that raised, after the traceback went to the log."""
    traceback.print_exception(error)
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_tb(error.__traceback__),
    }


def answer(handler: Callable[[Any, Any], Any], message: Mapping[str, Any]) -> bytes:
    """Run the handler once; its result, or why there is none, as a frame."""
    try:
        return frames.encode({"result": handler(message["event"], context(message, os.environ))})
    except Exception as error:  # noqa: BLE001 the handler may raise anything: it becomes the answer
        return frames.encode({"error": failure(error)})


def main() -> None:
    die_with(int(sys.argv[2]))
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        stream = connection.makefile("rwb")
        try:
            handler = load_handler(os.environ["_HANDLER"])
        except Exception as error:  # noqa: BLE001 an import may raise anything: the runner is told
            stream.write(frames.encode({"error": failure(error)}))
            stream.flush()
            return
        stream.write(frames.encode({"ready": True}))
        stream.flush()
        for message in frames.read(stream):
            stream.write(answer(handler, message))
            stream.flush()
            sys.stdout.flush()


if __name__ == "__main__":
    main()
