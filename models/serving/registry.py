"""Which models there are, how each is loaded, and what it costs in memory."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from models.artifacts import LOCK_FILE
from models.serving.model import BatchedModel

_MODELS = Path(__file__).parents[1]
_SHORT = "All is well with the order. "
_STATIC = "layers/static/python/customerai_static"


@dataclass(frozen=True, slots=True)
class Entry:
    """A model that this server can load.

    Attributes:
        adapter: module of `models.serving.adapters` with `load(name, folder)`.
        needs: a file without which the model is not there.
        after: the model on whose answers it works.
    """

    adapter: str
    needs: Path
    after: str | None = None


def _static_lock() -> Path:
    """The static tier is a package of its own: installed, or in the checkout."""
    found = importlib.util.find_spec("customerai_static")
    origin = found.origin if found else None
    package = Path(origin).parent if origin else _MODELS.parent / _STATIC
    return package / "artifact" / LOCK_FILE


ENTRIES: Mapping[str, Callable[[], Entry]] = {
    "full": lambda: Entry("sentiment", _MODELS / "sentiment/artifact/full" / LOCK_FILE),
    "fast": lambda: Entry("sentiment", _MODELS / "sentiment/artifact/fast" / LOCK_FILE),
    "static": lambda: Entry("static", _static_lock()),
    "embeddings": lambda: Entry("embeddings", _MODELS / "embeddings/artifact" / LOCK_FILE),
    "intents": lambda: Entry("intents", _MODELS / "intents/artifact" / LOCK_FILE, "embeddings"),
    "topics": lambda: Entry("topics", _MODELS / "topics/matcher.py", "embeddings"),
    "language": lambda: Entry("language", _MODELS / "language/detector.py"),
}


class ModelMemoryError(Exception):
    """A model needs more memory than its limit."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a run of one lane took."""

    lane: str
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in this process, and what it took to get it there."""

    name: str
    model: Any
    version: str
    memory_bytes: int
    """By how much the process grew with its load and first answer, and will with a lone request."""
    limit_bytes: int
    runs: Sequence[Run]
    """What its lanes' first runs took, so that the server knows from the start."""


def available() -> list[str]:
    """Return the names of the models whose artefacts, and those of what they need, are there."""
    there = {name for name, entry in ENTRIES.items() if entry().needs.is_file()}
    return [name for name in ENTRIES if name in there and _met(name, there)]


def load_models(
    names: Sequence[str],
    memory_mb: Mapping[str, int],
    folders: Mapping[str, Path] | None = None,
) -> dict[str, LoadedModel]:
    """Load models, in the order in which they need each other, and have each answer once.

    Args:
        names: which ones.
        memory_mb: most megabytes by which each may grow the process.
        folders: where artefacts are, other than in their usual places.

    Raises:
        ArtifactError: an artefact is incomplete or altered.
        ModelMemoryError: a model grew the process beyond its limit.
        LookupError: a model is named without the one it needs.
    """
    loaded: dict[str, LoadedModel] = {}
    for name in (name for name in ENTRIES if name in names):
        entry = ENTRIES[name]()
        if not _met(name, set(names)):
            raise LookupError(f"{name}: needs {entry.after}, which is not to be loaded")
        before = _resident_bytes()
        module = importlib.import_module(f"models.serving.adapters.{entry.adapter}")
        model = module.load(name, (folders or {}).get(name))
        runs = _first_runs(model) if hasattr(model, "lanes") else []
        grown = max(0, _resident_bytes() - before) + getattr(model, "later_bytes", 0)
        limit = memory_mb[name] * 2**20
        if grown > limit:
            raise ModelMemoryError(
                f"{name}: takes {grown / 2**20:.0f} MB of memory,"
                f" more than its limit of {memory_mb[name]} MB"
            )
        version = getattr(model, "version", "")
        loaded[name] = LoadedModel(name, model, version, grown, limit, runs)
    return loaded


def digest(loaded: Iterable[LoadedModel]) -> str:
    """Return 16 hexadecimal digits that are the same wherever the same versions are loaded.

    They are the first of the SHA-256 of all pairs of name and version, sorted, in JSON.
    """
    pairs = sorted((each.name, each.version) for each in loaded)
    return hashlib.sha256(msgspec.json.encode(pairs)).hexdigest()[:16]


def _met(name: str, there: set[str]) -> bool:
    after = ENTRIES[name]().after
    return after is None or after in there


def _first_runs(model: BatchedModel) -> list[Run]:
    """Run the first lane on a short and a long text; the others are taken to cost the same.

    The very first run lays out memory: it would otherwise be the first client's time, and it is not
    counted. A process that starts has no time for more.
    """
    short, long = (units[0] for units in model.units([_SHORT, _SHORT * 12]))
    lane = next(iter(model.lanes.values()))
    lane.run([short])
    runs = []
    for unit in (short, long):
        started = time.monotonic()
        lane.run([unit])
        seconds = time.monotonic() - started
        runs += [Run(name, len(unit), seconds) for name in model.lanes]
    return runs


def _resident_bytes() -> int:
    """Memory of this process that is in RAM; 0 where the system doesn't tell."""
    try:
        fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return int(fields[1]) * 4096
