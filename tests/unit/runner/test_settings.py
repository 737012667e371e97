from __future__ import annotations

from pathlib import Path

import pytest

from functions._runner.platform import dynoxide_package
from functions._runner.settings import Settings, StartError


def test_settings_come_back_from_the_environment_they_make(tmp_path: Path) -> None:
    settings = Settings(
        state=tmp_path, assembly=tmp_path / "out", code=tmp_path, port=1, model_port=2, cache_port=3
    )
    assert Settings.from_environment(settings.to_environment()) == settings
    assert Settings.from_environment({}) == Settings()


def test_a_port_is_a_number() -> None:
    with pytest.raises(StartError, match="number"):
        Settings.from_environment({"CUSTOMERAI_PORT": "http"})


@pytest.mark.parametrize(
    ("system", "machine", "package"),
    [
        ("Linux", "x86_64", "linux-x64"),
        ("Linux", "aarch64", "linux-arm64"),
        ("Darwin", "arm64", "darwin-arm64"),
        ("Windows", "AMD64", None),
        ("Linux", "riscv64", None),
    ],
)
def test_the_databases_package(system: str, machine: str, package: str | None) -> None:
    if package is None:
        with pytest.raises(StartError, match=machine):
            dynoxide_package(system, machine)
    else:
        assert dynoxide_package(system, machine) == package
