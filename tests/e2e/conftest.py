"""The deployed platform: one synthesis, one emulator, one model server for all these tests."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.emulator import Emulator, running_emulator, running_model
from tests.e2e.identity import Issuer
from tests.infra.synthesis import bundled, trusted_keys
from tests.infra.templates import Assembly
from tests.integration.redis.servers import Server

__all__ = ["bundled"]

Client = Callable[[str], httpx.Client]

_HERE = Path(__file__).parent
_BUILDING_S = 300


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test comes first waits for the synthesis, the deployment and cold functions."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.timeout(_BUILDING_S))


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    issuer = Issuer()
    issuer.publish(trusted_keys(tmp_path_factory.getbasetemp()))
    return issuer


@pytest.fixture(scope="session")
def emulator(
    bundled: Assembly, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Emulator]:
    """The real data and service stacks, deployed; a model for SageMaker, a Redis for the cache."""
    del issuer  # its keys have to be there before the authorizer reads them
    folder: Path = tmp_path_factory.mktemp("platform")
    with (
        running_model(folder) as model,
        Server(folder) as cache,
        running_emulator(
            folder,
            {
                "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": model,
                "CACHE_URL": cache.url,
                "CACHE_READER_URL": cache.url,
                "CACHE_IAM_NAME": "",
            },
        ) as emulator,
    ):
        emulator.deploy(bundled.folder, ["customerai-local-data", "customerai-local-service"])
        yield emulator


@pytest.fixture(scope="session")
def api(emulator: Emulator) -> Iterator[httpx.Client]:
    """The API as somebody without a token sees it."""
    # A function's first call imports everything it has.
    with httpx.Client(base_url=emulator.api_url("customerai-local-service"), timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def client_of(api: httpx.Client, issuer: Issuer) -> Iterator[Client]:
    """Gives the API as a tenant's client sees it."""
    opened: list[httpx.Client] = []

    def client(tenant: str) -> httpx.Client:
        headers = {"authorization": f"Bearer {issuer.token(tenant)}"}
        opened.append(httpx.Client(base_url=api.base_url, headers=headers, timeout=30))
        return opened[-1]

    yield client
    for each in opened:
        each.close()


@pytest.fixture
def tenant() -> str:
    """A tenant that no other test has written for."""
    return f"tenant-{uuid.uuid4().hex[:12]}"
