"""The only place where a folder becomes a zip.

Two kinds of bundle leave here, both built without Docker: a function (its own folder, nothing
else) and a layer (its package and the locked versions of what that package needs, for the platform
it will run on). What comes out depends on the sources, the lock and the tools' versions alone, so
an unchanged bundle keeps its asset hash and is not uploaded again.
"""

import os
import platform as host
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_

from infra_cdk.stages import ROOT

_SOURCES_TO_SKIP = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")

# What an installer leaves behind and nothing reads at run time. Versions and entry points stay,
# because libraries look themselves up; console scripts go, because they name the interpreter that
# built them.
_LEFTOVERS = ("bin", "*.dist-info/RECORD", "*.dist-info/INSTALLER", "*.dist-info/REQUESTED")
_LEFTOVERS_IN_DEPTH = ("__pycache__", "tests", "*.pyi", ".lock")

# What numpy ships for those who build on it: a compiler front end, headers, its own tests' tools.
# Nothing imports them unless asked to.
_BUILD_TIME_ONLY = ("numpy/f2py", "numpy/_core/include", "numpy/_core/lib", "numpy/**/*.a")

# tokenizers fetches models with it when told to; here they come from a folder. It would bring a
# dozen packages along.
_NEVER_NEEDED = "huggingface-hub"

# botocore describes every AWS service, and that is most of the layer. What the code calls by it
# stays and nothing else (the rest goes through a client of our own): a test holds this list against
# the clients that the code makes. Credentials need no service: Lambda hands them over.
BOTOCORE_SERVICES = frozenset({"dynamodb", "s3"})


class BundlingError(Exception):
    """A bundle could not be built; the message says what the tool said."""


@dataclass(frozen=True, slots=True)
class Platform:
    """What a bundle is built for. `wheels` is uv's name for it; None takes this machine's own."""

    python: str
    architecture: lambda_.Architecture
    wheels: str | None

    @property
    def runtime(self) -> lambda_.Runtime:
        return lambda_.Runtime(
            f"python{self.python}", lambda_.RuntimeFamily.PYTHON, supports_snap_start=True
        )


def platform_named(name: str) -> Platform:
    """`arm64` is deployed, `x86_64` is the same for SAM on such a machine, `host` runs right here.

    Raises ValueError for any other name.
    """
    match name:
        case "arm64":
            return Platform("3.13", lambda_.Architecture.ARM_64, "aarch64-manylinux_2_28")
        case "x86_64":
            return Platform("3.13", lambda_.Architecture.X86_64, "x86_64-manylinux_2_28")
        case "host":
            on_arm = host.machine().lower() in {"arm64", "aarch64"}
            return Platform(
                f"{sys.version_info.major}.{sys.version_info.minor}",
                lambda_.Architecture.ARM_64 if on_arm else lambda_.Architecture.X86_64,
                None,
            )
        case _:
            raise ValueError(f"platform {name!r} is none of arm64, x86_64, host")


def function_code(name: str, platform: Platform) -> lambda_.Code:
    """The code of one function: `functions/<name>/`, importable as `functions.<name>`."""
    return _bundled(ROOT / "functions" / name, _function_bundling(name, platform))


def layer_code(name: str, platform: Platform, *, beneath: tuple[str, ...] = ()) -> lambda_.Code:
    """The content of one layer, less what the layers `beneath` it contain already."""
    return _bundled(ROOT / "layers" / name, _layer_bundling(name, platform, beneath))


def _bundled(source: Path, bundling: cdk.BundlingOptions) -> lambda_.Code:
    return lambda_.Code.from_asset(
        str(source), asset_hash_type=cdk.AssetHashType.OUTPUT, bundling=bundling
    )


# Kept, because CDK builds once for all stages what has the very same options.
@cache
def _function_bundling(name: str, platform: Platform) -> cdk.BundlingOptions:
    def fill(output: Path) -> None:
        package = output / "functions"
        shutil.copytree(ROOT / "functions" / name, package / name, ignore=_SOURCES_TO_SKIP)
        shutil.copy(ROOT / "functions" / "__init__.py", package)
        _compile(output, platform, runs_at="/var/task")

    return _without_docker(fill)


@cache
def _layer_bundling(name: str, platform: Platform, beneath: tuple[str, ...]) -> cdk.BundlingOptions:
    def fill(output: Path) -> None:
        target = output / "python"
        shutil.copytree(ROOT / "layers" / name / "python", target, ignore=_SOURCES_TO_SKIP)
        present = {requirement for layer in beneath for requirement in _requirements(layer)}
        _install([r for r in _requirements(name) if r not in present], target, platform)
        _prune(target)
        _compile(output, platform, runs_at="/opt")

    return _without_docker(fill)


def _without_docker(fill: Callable[[Path], None]) -> cdk.BundlingOptions:
    # The image is never pulled: the local bundling either succeeds or raises.
    return cdk.BundlingOptions(
        image=cdk.DockerImage.from_registry("scratch"), local=_LocalBundling(fill)
    )


@jsii.implements(cdk.ILocalBundling)
class _LocalBundling:
    """Fills the asset's folder in this process instead of in a container."""

    def __init__(self, fill: Callable[[Path], None]) -> None:
        self._fill = fill

    def try_bundle(self, output_dir: str, _options: object = None, **_named: object) -> bool:
        self._fill(Path(output_dir))
        return True


@cache
def _requirements(layer: str) -> tuple[str, ...]:
    """The locked requirements of a layer with their hashes, one string each, for every platform."""
    exported = _run(
        _uv(),
        "export",
        "--package",
        _package_name(layer),
        "--frozen",
        "--no-default-groups",
        "--no-emit-workspace",
        f"--prune={_NEVER_NEEDED}",
        "--no-header",
        "--no-annotate",
        "--quiet",
    )
    return tuple(line for line in exported.replace("\\\n", " ").splitlines() if line.strip())


def _package_name(layer: str) -> str:
    declared = (ROOT / "layers" / layer / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'^name = "(.+)"$', declared, re.MULTILINE)
    if found is None:
        raise BundlingError(f"layers/{layer}/pyproject.toml names no project")
    return found[1]


def _install(requirements: list[str], target: Path, platform: Platform) -> None:
    where = [] if platform.wheels is None else ["--python-platform", platform.wheels]
    _run(
        _uv(),
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
        "--link-mode=copy",
        f"--python={sys.executable}",
        f"--python-version={platform.python}",
        *where,
        f"--target={target}",
        "--requirements=-",
        stdin="\n".join(requirements),
    )


def _prune(target: Path) -> None:
    doomed = [path for pattern in _LEFTOVERS for path in target.glob(pattern)]
    doomed += [path for pattern in _LEFTOVERS_IN_DEPTH for path in target.rglob(pattern)]
    doomed += [path for pattern in _BUILD_TIME_ONLY for path in target.glob(pattern)]
    doomed += [
        folder for folder in target.glob("botocore/data/*/") if folder.name not in BOTOCORE_SERVICES
    ]
    for path in doomed:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _compile(output: Path, platform: Platform, *, runs_at: str) -> None:
    """Adds bytecode for the platform's minor version, where such an interpreter is at hand.

    The bundle's folder is read-only in Lambda, so without this every cold start compiles it all
    anew. Bytecode of another minor version would be ignored, hence none is better than this one's.
    Hash-based files, because zipping sets all times alike; unchecked, because nothing changes them.
    """
    interpreter = interpreter_of(platform.python)
    if interpreter is None:
        sys.stderr.write(
            f"No Python {platform.python} found: the bundle carries no bytecode and will start "
            f"more slowly. `uv python install {platform.python}` provides one.\n"
        )
        return
    _run(
        *interpreter,
        "-m",
        "compileall",
        "-q",
        "--invalidation-mode=unchecked-hash",
        f"-s{output}",
        f"-p{runs_at}",
        str(output),
        # Sets are written in hash order: a fixed seed makes the same bytes each time.
        environment={"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": ""},
    )


@cache
def interpreter_of(version: str) -> tuple[str, ...] | None:
    """A command that starts Python `version`, or None. Being on PATH is not enough: it must run."""
    for command in _interpreter_candidates(version):
        try:
            answer = _run(*command, "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
        except (OSError, BundlingError):
            continue
        if answer.strip() == version:
            return command
    return None


def _interpreter_candidates(version: str) -> Iterator[tuple[str, ...]]:
    yield (sys.executable,)
    if on_path := shutil.which(f"python{version}"):
        yield (on_path,)
        # A pyenv shim answers only for the version it is told to be.
        yield ("env", f"PYENV_VERSION={version}", on_path)
    here_only = ("--quiet", "--no-project", "--no-python-downloads")
    yield (_uv(), "run", *here_only, f"--python={version}", "python")


@cache
def _uv() -> str:
    """uv on PATH, else the copy that `make setup` puts into the checkout."""
    found = shutil.which("uv") or shutil.which("uv", path=str(ROOT / ".tools" / "uv" / "bin"))
    if found is None:
        raise BundlingError("bundling needs uv: run `make setup`, or put uv on PATH")
    return found


def _run(*command: str, stdin: str = "", environment: dict[str, str] | None = None) -> str:
    answer = subprocess.run(
        command,
        cwd=ROOT,
        input=stdin,
        env={**os.environ, **(environment or {})},
        check=False,
        capture_output=True,
        text=True,
    )
    if answer.returncode:
        # In the message, because of an exception jsii keeps nothing else.
        raise BundlingError(f"{Path(command[0]).name} failed: {answer.stderr.strip()}")
    return answer.stdout
