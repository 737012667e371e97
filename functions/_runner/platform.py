"""The database's native binary for this machine; the Makefile asks which package has it."""

from __future__ import annotations

import platform
from pathlib import Path

from functions._runner.settings import CHECKOUT, StartError

_SYSTEMS = {"Linux": "linux", "Darwin": "darwin"}
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def dynoxide_package(system: str = platform.system(), machine: str = platform.machine()) -> str:
    """The npm package's name within the scope @dynoxide; StartError where there is none."""
    try:
        return f"{_SYSTEMS[system]}-{_MACHINES[machine.lower()]}"
    except KeyError:
        raise StartError(
            f"The local database has no build for {system} on {machine}; it has for Linux and "
            "macOS on x86-64 and arm64."
        ) from None


def dynoxide_binary() -> Path:
    return CHECKOUT / ".tools/node_modules/@dynoxide" / dynoxide_package() / "dynoxide"
