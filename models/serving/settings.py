"""The server's settings; the only place that reads its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from models.serving.tickets import QueueLimits

PORT_VARIABLE = "SAGEMAKER_BIND_TO_PORT"
MODELS_VARIABLE = "SERVING_MODELS"
MEMORY_VARIABLE = "SERVING_MEMORY_MB"
GRPC_PORT_VARIABLE = "SERVING_GRPC_PORT"

MEMORY_MB: Mapping[str, int] = {
    "full": 192,
    "fast": 120,
    "static": 64,
    "embeddings": 160,
    "intents": 16,
    "topics": 16,
    "language": 160,
}
"""Most megabytes (2**20 bytes) by which a model, loaded and asked once, may grow the process; with
an encoder's second session, which comes later, counted in."""


def cpus() -> int:
    """Return how many CPUs this process may use, which is how many workers it gets."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where the server listens and how much it takes on."""

    host: str = "0.0.0.0"  # noqa: S104  SageMaker reaches the container from outside it
    port: int = 8080

    grpc_port: int | None = None
    """Where the Open Inference Protocol is spoken; nowhere if None."""

    models: tuple[str, ...] | None = None
    """Names of the models to load; all whose artefact is there if None."""

    memory_mb: Mapping[str, int] = field(default_factory=lambda: MEMORY_MB)
    workers: int = field(default_factory=cpus)
    queue: QueueLimits = field(default_factory=QueueLimits)

    timeout_seconds: float = 60.0
    """Longest and default time for a request; SageMaker's own limit for a container's answer."""

    most_body_bytes: int = 6 * 1024 * 1024
    """Size of a request body; SageMaker's own limit for a real-time invocation when it was 6 MB."""

    most_connections: int = 2_048
    """Connections at one time; one more is told to come back."""

    idle_seconds: float = 75.0
    """A connection without a request is closed after this long."""

    receive_seconds: float = 30.0
    """How long a request may take to come in."""

    light_characters: int = 2_000
    """Requests of more are tokenised and joined beside the event loop, not on it."""

    ping_seconds: float = 1.5
    """How long a ping waits for the model; SageMaker gives up after 2 seconds."""

    trust_seconds: float = 30.0
    """A ping takes a run of this age, or less, as proof of health."""

    stall_seconds: float = 10.0
    """A worker whose run takes longer hangs, and the server with it is unhealthy."""

    drain_seconds: float = 24.0
    """How long running requests may take to finish after SIGTERM; SageMaker kills after 30."""


def from_environment(environment: Mapping[str, str]) -> ServerSettings:
    """Return the settings, with the ports, models and limits that the environment asks for.

    Raises:
        ValueError: a variable does not hold what it should; the message names it.
    """
    grpc_port = environment.get(GRPC_PORT_VARIABLE)
    names = environment.get(MODELS_VARIABLE)
    return ServerSettings(
        port=_port(PORT_VARIABLE, environment.get(PORT_VARIABLE, "8080")),
        grpc_port=None if grpc_port is None else _port(GRPC_PORT_VARIABLE, grpc_port),
        models=None if names is None else parse_models(names),
        memory_mb=_memory(environment.get(MEMORY_VARIABLE, "")),
    )


def parse_models(text: str) -> tuple[str, ...]:
    """Return the names in `full,fast`.

    Raises:
        ValueError: no such model, or none at all.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = sorted(set(names) - MEMORY_MB.keys())
    if unknown or not names:
        said = f"{unknown[0]!r} is no model" if unknown else "no model named"
        raise ValueError(f"{MODELS_VARIABLE}: {said}; there are {', '.join(MEMORY_MB)}")
    return names


def _memory(text: str) -> Mapping[str, int]:
    limits = dict(MEMORY_MB)
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, megabytes = entry.partition("=")
        if name not in MEMORY_MB or not megabytes.isdecimal():
            raise ValueError(f"{MEMORY_VARIABLE}: {entry!r} is not like full=160")
        limits[name] = int(megabytes)
    return limits


def _port(variable: str, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ValueError(f"{variable}: {text!r} is no port number")
    return int(text)
