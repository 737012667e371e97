import pytest

from tests.unit.functions.interactions_api.api import Api


@pytest.fixture
def api() -> Api:
    return Api()
