"""Folders of packages that only a benchmark needs, made on the first run, kept in .build/bench."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path

from tests.performance.api.figures import MeasurementError
from tests.performance.serving.artifact import ROOT
from tests.performance.serving.environments import FOLDER
from tests.performance.serving.processes import clean_environment

USUAL_STACK = (
    "aws-lambda-powertools==3.37.0",
    "boto3==1.44.5",
    "botocore==1.44.5",
    "fastapi==0.165.0",
    "mangum==0.22.0",
    "pydantic==2.14.3",
    "pydantic-settings==2.16.3",
    "pyjwt[crypto]==2.15.1",
    "pynamodb==6.1.0",
    "redis==8.1.0",
    "starlette==1.10.0",
)
COMPRESSORS = ("brotli==1.2.1", "zstandard==0.25.0")

_RUNTIME_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
_MARKER = "installed.txt"


def install(name: str, requirements: Sequence[str], folder: Path = FOLDER) -> Path:
    """Return a folder that holds these packages with their bytecode.

    Raises:
        MeasurementError: a package can't be installed here.
    """
    target = folder / name
    wanted = [*requirements, sys.version]
    marker = target / _MARKER
    if marker.is_file() and marker.read_text().splitlines() == wanted:
        return target
    shutil.rmtree(target, ignore_errors=True)
    uv = shutil.which("uv") or str(ROOT / ".tools" / "uv" / "bin" / "uv")
    command = [uv, "pip", "install", "--quiet", "--python", sys.executable]
    _run([*command, "--target", str(target), *requirements])
    compile_all(target)
    marker.write_text("\n".join(wanted))
    return target


def runtime_client(target: Path) -> Path:
    """Return the folder, filled with Lambda's runtime interface client, as its image has it beside
    the function: copied from this environment, and compiled."""
    site = Path(str(distribution(_RUNTIME_CLIENT[0]).locate_file("")))
    for name in _RUNTIME_CLIENT:
        for file in distribution(name).files or ():
            if ".." not in file.parts and file.suffix != ".pyc":
                copy = target / file
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(site / file, copy)
    compile_all(target)
    return target


def compile_all(folder: Path) -> None:
    """Add bytecode that is trusted unseen, as bundles have it.

    Raises:
        MeasurementError: some file can't be compiled.
    """
    _run(
        [
            sys.executable,
            "-m",
            "compileall",
            "-q",
            "--invalidation-mode=unchecked-hash",
            str(folder),
        ]
    )


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, env=clean_environment())
    except FileNotFoundError as error:
        raise MeasurementError("there is no uv: run make setup") from error
    except subprocess.CalledProcessError as error:
        raise MeasurementError(error.stderr.strip() or f"{command[0]} failed") from error
