"""An environment for each peer, made on the first run and kept under .build/bench."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from tests.performance.serving.artifact import ROOT

FOLDER = ROOT / ".build" / "bench"

REQUIREMENTS = {
    "fastapi": ("fastapi==0.165.0", "uvicorn[standard]==0.54.0"),
    "litserve": ("litserve==0.2.19",),
    "bentoml": ("bentoml==1.4.39",),
}
"""What makes a peer, besides the runtime that all of them share with ours."""

_SHARED = ("onnxruntime", "tokenizers", "numpy")
_MARKER = "compiled.txt"


class AbsentError(Exception):
    """A peer's environment could not be made; the message says why."""


def prepare(name: str, folder: Path = FOLDER) -> Path:
    """Return the interpreter of a peer's environment, which is made where it is missing or of
    other versions.

    Raises:
        AbsentError: a package can't be installed here.
    """
    environment = folder / name
    python = environment / "bin" / "python"
    wanted = [*REQUIREMENTS[name], *(f"{package}=={version(package)}" for package in _SHARED)]
    marker = environment / _MARKER
    if marker.is_file() and marker.read_text().splitlines() == wanted:
        return python
    uv = shutil.which("uv") or str(ROOT / ".tools" / "uv" / "bin" / "uv")
    _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)])
    # Compiled, or every start of a peer would pay for it where PYTHONDONTWRITEBYTECODE is set.
    install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    _run([*install, *wanted])
    marker.write_text("\n".join(wanted))
    return python


def installed(name: str, folder: Path = FOLDER) -> list[str]:
    """Return what `prepare` put into a peer's environment, as `package==version`; nothing where
    there is none."""
    marker = folder / name / _MARKER
    return marker.read_text().splitlines() if marker.is_file() else []


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise AbsentError("there is no uv: run make setup") from error
    except subprocess.CalledProcessError as error:
        raise AbsentError(error.stderr.strip() or f"{command[1]} failed") from error
