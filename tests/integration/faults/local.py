"""The local stage without its runner: its parts on ports of their own, its handlers in here."""

import asyncio
import contextlib
import importlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from functions._runner import parts
from functions._runner.application import Function
from functions._runner.assembly import load_assembly
from functions._runner.settings import Settings
from tests.integration.conftest import free_port
from tests.integration.runner.conftest import running


@contextlib.contextmanager
def running_parts(folder: Path, model_url: str) -> Iterator[Settings]:
    """Where they listen: the tables are there, the queue, the bucket and the secrets."""
    settings = replace(
        Settings.from_environment(),
        state=folder,
        database_port=free_port(),
        emulator_port=free_port(),
        cache_port=free_port(),
        model_port=int(model_url.rpartition(":")[2]),
    )
    assembly = load_assembly(settings)
    with contextlib.ExitStack() as stack:
        stack.enter_context(running(parts.database(assembly, settings)))
        stack.enter_context(running(parts.emulator(assembly, settings)))
        stack.enter_context(running(parts.cache(settings)))
        yield settings


@contextlib.contextmanager
def composed(
    functions: Mapping[str, Function], settings: Settings
) -> Iterator[dict[str, ModuleType]]:
    """Their handlers' modules, imported anew with the environment that the local runner sets.

    The environment of the last one stays until the end: what clients need is the same in all.
    """
    with pytest.MonkeyPatch.context() as environment:
        modules = {}
        for name, function in functions.items():
            variables = {
                **function.environment,
                **settings.aws_environment(),
                **settings.cache_environment(),
            }
            for variable, value in variables.items():
                environment.setenv(variable, value)
            modules[name] = _imported(function.handler.rpartition(".")[0])
        yield modules
        for module in modules.values():
            del sys.modules[module.__name__]


def _imported(name: str) -> ModuleType:
    sys.modules.pop(name, None)
    loop = asyncio.new_event_loop()  # Mangum makes one where there is none, and leaves it open
    asyncio.set_event_loop(loop)
    try:
        return importlib.import_module(name)
    finally:
        asyncio.set_event_loop(None)
        loop.close()
