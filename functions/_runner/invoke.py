"""`invoke`: one real handler, one event."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from functions._runner.application import Function, read_application
from functions._runner.assembly import load_assembly
from functions._runner.pool import Pool
from functions._runner.settings import Settings, StartError


def invoke(settings: Settings, name: str, path: Path) -> Any:
    """The handler's answer; StartError for what is no function or no event, else FunctionError."""
    functions = read_application(load_assembly(settings)).functions
    if name not in functions:
        raise StartError(f"{name} is no function; there are: {', '.join(sorted(functions))}.")
    try:
        event = json.loads(path.read_bytes())
    except OSError as error:
        raise StartError(f"{path}: {error.strerror}. An event is a JSON file.") from error
    except ValueError as error:
        raise StartError(f"{path} is not JSON: {error}") from error
    return asyncio.run(_run(settings, functions[name], event))


def has_failed(answer: Any) -> bool:
    """Whether an answer tells of a failure: a status that is 500 or more, or none that a gateway
    could pass on, or records that are to come again."""
    if not isinstance(answer, dict):
        return False
    status = answer.get("statusCode", 200)
    return bool(answer.get("batchItemFailures")) or not isinstance(status, int) or status >= 500


async def _run(settings: Settings, function: Function, event: Any) -> Any:
    async with Pool(function, settings, size=1) as pool:
        return await pool.invoke(event)
