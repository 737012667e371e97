"""The bundles of this machine, built once a session, and what stands in for AWS beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.synthesis import bundled
from tests.infra.templates import Assembly
from tests.performance.api.bench import Deployment
from tests.performance.api.bundles import Bundle, read
from tests.performance.api.canned import world
from tests.performance.api.packages import runtime_client
from tests.performance.api.parts import Stub, stub

__all__ = ["bundled"]

_HERE = Path(__file__).parent
_BUILDING_S = 300


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test comes first waits for a synthesis with its bundles."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.timeout(_BUILDING_S))


@pytest.fixture(scope="session")
def bundles(bundled: Assembly) -> dict[str, Bundle]:
    return read(bundled.folder)


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Lambda's runtime interface client, as its image has it."""
    return runtime_client(tmp_path_factory.mktemp("runtime"))


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Stub]:
    with stub(world(), tmp_path) as started:
        yield started


@pytest.fixture
def deployment(bundled: Assembly, services: Stub, tmp_path: Path) -> Deployment:
    return Deployment(services.url, tmp_path, assembly=bundled.folder)
