"""Every function of the local stage in this process, behind gates that watch its event loop."""

import asyncio
from collections.abc import Iterator
from types import ModuleType

import pytest

from customerai.event_loop import run
from functions._runner.application import read_application
from functions._runner.assembly import load_assembly
from functions._runner.settings import Settings
from tests.integration.faults.local import composed, running_parts
from tests.integration.loop.gates import Turns, gated

# Asks for the keys of tokens by itself, and has no event loop when it does.
_WITHOUT_A_LOOP = "authorizer"


@pytest.fixture(scope="module")
def turns() -> Turns:
    return Turns()


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, model_url: str) -> Iterator[Settings]:
    with running_parts(tmp_path_factory.mktemp("loop"), model_url) as settings:
        yield settings


@pytest.fixture(scope="module")
def functions(parts: Settings, turns: Turns) -> Iterator[dict[str, ModuleType]]:
    """The handlers' modules."""
    with gated(parts, turns) as settings:
        all_of_them = dict(read_application(load_assembly(settings)).functions)
        del all_of_them[_WITHOUT_A_LOOP]
        with composed(all_of_them, settings) as modules:
            yield modules


@pytest.fixture
def watched(functions: dict[str, ModuleType], turns: Turns) -> Iterator[Turns]:
    """The loop that handlers of this test run on has its turns counted."""
    turns.requests = 0
    with turns.taken(asyncio.get_event_loop()):
        yield turns
    for module in functions.values():
        if hasattr(module, "pools"):
            run(module.pools.aclose())
