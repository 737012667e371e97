"""The server's settings; the only place that reads its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PORT_VARIABLE = "SAGEMAKER_BIND_TO_PORT"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where the server listens and how much it takes on."""

    host: str = "0.0.0.0"  # noqa: S104  SageMaker reaches the container from outside it
    port: int = 8080

    most_texts: int = 128
    """Texts in one request."""

    most_characters: int = 10_000
    """Unicode code points in one text."""

    most_body_bytes: int = 6 * 1024 * 1024
    """Size of a request body; SageMaker's own limit for a real-time invocation when it was 6 MB."""

    concurrent_requests: int = 4
    """Requests whose texts are with the predictor at one time."""

    pending_requests: int = 64
    """Requests accepted and not yet answered; more are told to come back."""

    retry_after_seconds: int = 1
    """What a refused request is told."""

    ping_seconds: float = 1.5
    """How long a ping waits for the model; SageMaker gives up after 2 seconds."""

    ping_trust_seconds: float = 30.0
    """A ping takes the model's last answer as proof of health for this long."""

    drain_seconds: int = 25
    """How long running requests may take to finish after SIGTERM; SageMaker kills after 30."""


def from_environment(environment: Mapping[str, str]) -> ServerSettings:
    """Return the settings with the port that SageMaker asks for, where it does.

    Raises:
        ValueError: the variable holds no port number.
    """
    port = environment.get(PORT_VARIABLE)
    if port is None:
        return ServerSettings()
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{PORT_VARIABLE}: {port!r} is no port number")
    return ServerSettings(port=int(port))
