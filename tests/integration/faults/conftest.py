"""The real parts, which all faults share: they are kept from the functions, and never harmed."""

from collections.abc import AsyncIterator, Iterator

import pytest

from functions._runner.settings import Settings
from tests.integration.faults.local import running_parts
from tests.integration.faults.stack import Stack, started


@pytest.fixture(scope="module")
def real_parts(tmp_path_factory: pytest.TempPathFactory, model_url: str) -> Iterator[Settings]:
    with running_parts(tmp_path_factory.mktemp("faults"), model_url) as settings:
        yield settings


@pytest.fixture
async def stack(real_parts: Settings) -> AsyncIterator[Stack]:
    async with started(real_parts) as stack:
        yield stack
