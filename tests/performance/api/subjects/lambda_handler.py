"""A Lambda handler whose operations are events: each gives it one event after the other.

Environment variables: BENCH_HANDLER is `module:attribute`; BENCH_EVENTS names a JSON file,
operation to list of events. Where BENCH_AUTHORIZER names a handler too, it is asked first, on every
call, as a gateway would that keeps no verdicts. Where BENCH_TOKENS names a JSON file, a list of
tokens, each call carries the next one.

In an event's path, query string and body `@fresh` stands for six digits that no call before had,
and `@again` for ones that come round after `ROUND` calls.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from functools import partial
from itertools import count, cycle
from pathlib import Path
from typing import Any

Event = dict[str, Any]
Handler = Callable[[Event, Any], Any]

ROUND = 120
FRESH, AGAIN = "@fresh", "@again"
_NUMBERED = ("rawPath", "rawQueryString", "body")
_numbers = count(1)


class Context:
    """What handlers read of Lambda's context."""

    function_name = "bench"
    function_version = "$LATEST"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:bench"
    aws_request_id = "6f1d0a4e-7f0b-4d3c-9d57-2a9c5a1f0c11"

    def get_remaining_time_in_millis(self) -> int:
        return 28_000


def operations() -> dict[str, Callable[[], Any]]:
    """What the environment says."""
    handler = _find(os.environ["BENCH_HANDLER"])
    if authorizer := os.environ.get("BENCH_AUTHORIZER"):
        handler = _guarded(handler, _find(authorizer))
    if tokens := os.environ.get("BENCH_TOKENS"):
        handler = _signed(handler, json.loads(Path(tokens).read_text(encoding="utf-8")))
    events = json.loads(Path(os.environ["BENCH_EVENTS"]).read_text(encoding="utf-8"))
    return {
        name: partial(_all, _numbering(handler) if _has_marks(each) else handler, each)
        for name, each in events.items()
    }


def _find(name: str) -> Handler:
    module, _, attribute = name.partition(":")
    handler: Handler = getattr(importlib.import_module(module), attribute)
    return handler


def _guarded(handler: Handler, authorizer: Handler) -> Handler:
    def guarded(event: Event, context: Any) -> Any:
        verdict = authorizer(event, context)
        if not verdict["isAuthorized"]:
            raise PermissionError("the authorizer refuses the benchmark's token")
        told = event["requestContext"] | {"authorizer": {"lambda": verdict["context"]}}
        return handler(event | {"requestContext": told}, context)

    return guarded


def _signed(handler: Handler, tokens: list[str]) -> Handler:
    following = cycle(tokens)

    def signed(event: Event, context: Any) -> Any:
        headers = event["headers"] | {"authorization": f"Bearer {next(following)}"}
        return handler(event | {"headers": headers}, context)

    return signed


def _has_marks(events: list[Event]) -> bool:
    text = json.dumps(events)
    return FRESH in text or AGAIN in text


def _numbering(handler: Handler) -> Handler:
    def numbering(event: Event, context: Any) -> Any:
        number = next(_numbers)
        fresh, again = f"{number % 1_000_000:06d}", f"{number % ROUND:06d}"

        def filled(text: str) -> str:
            return text.replace(FRESH, fresh).replace(AGAIN, again)

        http = event["requestContext"]["http"]
        told = event["requestContext"] | {"http": http | {"path": filled(http["path"])}}
        parts = {name: filled(event[name]) for name in _NUMBERED if name in event}
        return handler(event | parts | {"requestContext": told}, context)

    return numbering


def _all(handler: Handler, events: list[Event]) -> Any:
    context = Context()
    for event in events:
        answer = handler(event, context)
        if answer.get("statusCode", 200) >= 400:
            raise ValueError(f"answered {answer['statusCode']}: {answer.get('body')}")
    return answer
