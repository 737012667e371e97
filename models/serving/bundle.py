"""All that serving `full` needs in one folder, for a host like this one and without a container.

`python -m models.serving bundle FOLDER`, in a checkout; then, with any Python of the same minor
version and nothing installed, `cd FOLDER && python3 -m models.serving`.
"""

from __future__ import annotations

import compileall
import py_compile
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

_CHECKOUT = Path(__file__).parents[2]
_OPTIONAL = {"py3langid"}
"""Packages of the group `serving` that `full` does without."""

# What its packages bring along and serving never loads. ONNX Runtime's Python module holds the
# whole runtime; the shared library beside it is for programs in C.
_UNUSED = (
    "bin",
    "onnxruntime/capi/libonnxruntime.so*",
    "onnxruntime/backend",
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    "onnxruntime/ThirdPartyNotices.txt",
    "numpy/_core/include",
    "numpy/_core/lib",
    "numpy/_pyinstaller",
    "numpy/distutils",
    "numpy/f2py",
    "numpy/random",
    "numpy/testing",
    "numpy/**/tests",
    "uvloop/**/*.pyx",
    "uvloop/**/*.pxd",
    "**/*.pyi",
    "**/*.h",
    "**/*.c",
    "**/*.a",
)
_SOURCES = {
    "layers/core/python/customerai/__init__.py": "customerai/__init__.py",
    "layers/core/python/customerai/domain": "customerai/domain",
    "models/__init__.py": "models/__init__.py",
    "models/artifacts.py": "models/artifacts.py",
    "models/encoder": "models/encoder",
    "models/sentiment": "models/sentiment",
    "models/serving": "models/serving",
}
_NOT_SERVED = shutil.ignore_patterns(
    *("__pycache__", "Dockerfile*", "*.md.tmpl", "rpc", "bundle.py", "fast", "static"),
    *("training", "commands", "fairness", "*.fp16.*"),
)


def bundle(folder: Path) -> None:
    """Fill `folder`, which must be empty or absent.

    Raises:
        FileExistsError: there is something in it.
        subprocess.CalledProcessError: uv could not install the packages.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder}: not empty")
    _install(folder)
    for pattern in _UNUSED:
        for path in sorted(folder.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    if strip := shutil.which("strip"):
        # Most of uvloop is what a debugger would read.
        subprocess.run([strip, *folder.glob("uvloop/*.so")], check=True)
    for source, target in _SOURCES.items():
        path, copy = _CHECKOUT / source, folder / target
        if path.is_dir():
            shutil.copytree(path, copy, ignore=_NOT_SERVED)
        else:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
    # By content, not by time of change: archives and image layers don't keep the latter.
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(folder, quiet=2, invalidation_mode=mode)


def _install(folder: Path) -> None:
    """Install the group's own packages at their locked versions, but not what they depend on.

    Those are for downloading and converting models (a hub's client, symbolic algebra, protobuf);
    the test of the bundle runs it without them.
    """
    project = tomllib.loads((_CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    named = (entry for entry in project["dependency-groups"]["serving"] if isinstance(entry, str))
    wanted = {entry.split(">=")[0].split("==")[0].strip() for entry in named} - _OPTIONAL
    export = [
        *("uv", "export", "--frozen", "--no-default-groups", "--only-group", "serving"),
        *("--no-emit-project", "--no-hashes", "--no-header", "--no-annotate"),
    ]
    exported = subprocess.run(export, cwd=_CHECKOUT, check=True, capture_output=True, text=True)
    lines = [line for line in exported.stdout.splitlines() if line.split("==")[0] in wanted]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write("\n".join(lines))
        requirements.flush()
        install = [
            *("uv", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"),
            *("--link-mode", "copy"),  # files are changed afterwards: not those in the cache
            *("--python", sys.executable, "--target", str(folder), "-r", requirements.name),
        ]
        subprocess.run(install, check=True)
