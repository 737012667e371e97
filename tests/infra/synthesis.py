"""Two syntheses serve all tests: what is deployed, validated, and what runs here, built."""

from functools import cache
from pathlib import Path

import pytest

from tests.infra.templates import Assembly, synthesise


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Stages dev and prod as they are deployed: bundled for arm64, under every validation."""
    return _validated(tmp_path_factory.getbasetemp() / "cdk.out")


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Stage local with bundles that this machine can run; its key set is `trusted_keys`."""
    base = tmp_path_factory.getbasetemp()
    return _bundled(base / "cdk.out.host", trusted_keys(base))


def trusted_keys(base: Path) -> Path:
    """The key set file that the bundled authorizer reads: not the developer's own."""
    return base / "jwks.json"


# Cached beside the fixtures, because each folder of tests has a fixture object of its own.
@cache
def _validated(folder: Path) -> Assembly:
    answer = synthesise(folder, "-c", "stage=dev,prod")
    assert answer.returncode == 0, answer.stderr
    return Assembly(folder)


@cache
def _bundled(folder: Path, keys: Path) -> Assembly:
    context = ("stage=local", "platform=host", f"jwks_url={keys.as_uri()}")
    arguments = (argument for each in context for argument in ("-c", each))
    answer = synthesise(folder, *arguments, validate=False)
    assert answer.returncode == 0, answer.stderr
    return Assembly(folder)
