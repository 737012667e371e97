"""The syntheses, as fixtures of these tests."""

from pathlib import Path

import pytest

from tests.infra.synthesis import assembly, bundled
from tests.infra.templates import Assembly, Template

__all__ = ["assembly", "bundled"]


_HERE = Path(__file__).parent
_BUILDING_S = 300


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test comes first waits for a synthesis with its bundles."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.timeout(_BUILDING_S))


@pytest.fixture(scope="session", params=["dev", "prod"])
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def data(assembly: Assembly, stage: str) -> Template:
    return assembly.template(stage, "data")


@pytest.fixture(scope="session")
def service(assembly: Assembly, stage: str) -> Template:
    return assembly.template(stage, "service")


@pytest.fixture(scope="session")
def cache(assembly: Assembly, stage: str) -> Template:
    return assembly.template(stage, "cache")


@pytest.fixture(scope="session")
def edge(assembly: Assembly, stage: str) -> Template:
    return assembly.template(stage, "edge")


@pytest.fixture(scope="session")
def local(bundled: Assembly) -> Template:
    """The service of the stage that has neither edge nor cache nor snapshots."""
    return bundled.template("local", "service")


@pytest.fixture(scope="session")
def inference(assembly: Assembly, stage: str) -> Template:
    return assembly.template(stage, "inference")
