"""The servers that are compared, and the settings that each may be run with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.performance.serving.environments import FOLDER

_PEERS = "tests.performance.serving.peers"


@dataclass(frozen=True, slots=True)
class Subject:
    """One server in one setting."""

    name: str
    command: Callable[[int], list[str]]
    """From the port to listen on to the command line."""

    setting: dict[str, int] = field(default_factory=dict)
    """What was chosen, as the report shows it."""

    environment: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The setting in one line; nothing for a server that is run as it comes."""
        return ", ".join(f"{name} {value}" for name, value in self.setting.items())


def ours(artifact: Path | None) -> Subject:
    """Return our server as a user starts it, with its own artefact or another."""
    return Subject(
        "ours",
        lambda port: [
            *(sys.executable, "-m", "models.serving"),
            *("--host", "127.0.0.1", "--port", str(port)),
            *(("--artifact", str(artifact)) if artifact else ()),
        ],
    )


def candidates(name: str, python: Path, artifact: Path, cores: int) -> list[Subject]:
    """Return a peer in every setting worth trying, a sensible user's first guess first."""
    return [
        Subject(
            name,
            _command(name, python, setting["workers"]),
            setting,
            {
                "BENCH_ARTIFACT": str(artifact),
                **{f"BENCH_{key.upper()}": str(value) for key, value in setting.items()},
                # No usage reports, and nothing written to the user's home.
                "BENTOML_DO_NOT_TRACK": "True",
                "BENTOML_HOME": str(FOLDER / "bentoml" / "home"),
            },
        )
        for setting in settings(name, cores)
    ]


def settings(name: str, cores: int) -> list[dict[str, int]]:
    """Return what to try with a peer.

    Threads 0 is ONNX Runtime's default: as many as there are cores, spinning while they wait.
    Handlers are BentoML's `threads`: how many calls, single ones or batches, a worker has under way
    at once. Its default is 1.
    """
    if name == "fastapi":
        layouts = dict.fromkeys([(1, 0), (cores, 1), (1, 1), (cores, 0)])
        return [{"workers": workers, "threads": threads} for workers, threads in layouts]
    if name == "bentoml":
        wait = 1_000  # its batcher drops what it expects to take longer than the limit
        shapes = [
            *((cores, 1, 1, batch) for batch in (1, 4, 8)),
            *((cores, 1, 4, batch) for batch in (1, 8)),
            *((1, 1, max(cores, 2), batch) for batch in (1, 8)),
            (1, 0, 1, 8),
        ]
        return [
            {
                "workers": workers,
                "threads": threads,
                "handlers": handlers,
                "batch": batch,
                "wait_ms": wait if batch > 1 else 0,
            }
            for workers, threads, handlers, batch in dict.fromkeys(shapes)
        ]
    batches = [(1, 0), (4, 2), (8, 5), (32, 10)]
    return [
        *(
            {"workers": cores, "threads": 1, "batch": batch, "wait_ms": wait}
            for batch, wait in batches
        ),
        {"workers": 1, "threads": 0, "batch": batches[2][0], "wait_ms": batches[2][1]},
    ]


def _command(name: str, python: Path, workers: int) -> Callable[[int], list[str]]:
    def fastapi(port: int) -> list[str]:
        return [
            *(str(python), "-m", "uvicorn", f"{_PEERS}.fastapi_app:app", "--no-access-log"),
            *("--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)),
        ]

    def litserve(port: int) -> list[str]:
        return [str(python), "-m", f"{_PEERS}.litserve_app", str(port)]

    def bentoml(port: int) -> list[str]:
        return [
            *(str(python), "-m", "bentoml", "serve", f"{_PEERS}.bentoml_service:SentimentService"),
            *("--quiet", "--host", "127.0.0.1", "--port", str(port)),
        ]

    return {"fastapi": fastapi, "litserve": litserve, "bentoml": bentoml}[name]
