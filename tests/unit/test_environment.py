from dataclasses import dataclass

import pytest

from customerai.environment import read_environment


@dataclass(frozen=True)
class Settings:
    table_name: str
    retries: int
    timeout_seconds: float


FULL = {"TABLE_NAME": "t", "RETRIES": "3", "TIMEOUT_SECONDS": "0.5", "OTHER": "x"}


def test_each_field_is_a_variable() -> None:
    assert read_environment(Settings, FULL) == Settings("t", 3, 0.5)


def test_all_that_is_missing_is_named() -> None:
    with pytest.raises(LookupError, match="TABLE_NAME, TIMEOUT_SECONDS"):
        read_environment(Settings, {"RETRIES": "3"})


def test_a_wrong_type_is_refused() -> None:
    with pytest.raises(ValueError, match="many"):
        read_environment(Settings, FULL | {"RETRIES": "many"})
