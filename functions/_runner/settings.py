"""Where the local platform listens and keeps its state; nothing else reads its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
REGION = "us-east-1"
ACCOUNT = "000000000000"
CHECKPOINTS_TABLE = "customerai-local-checkpoints"


class StartError(Exception):
    """Something a person must do first; the message says what, in one line."""


@dataclass(frozen=True)
class Settings:
    """Ports on loopback and folders. `code` is where handler modules are imported from."""

    state: Path = CHECKOUT / ".local"
    assembly: Path = CHECKOUT / "cdk.out.local"
    code: Path = CHECKOUT
    port: int = 8000
    database_port: int = 8001
    emulator_port: int = 4566
    model_port: int = 8081
    cache_port: int = 6380

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read `CUSTOMERAI_*`; what is absent has its default."""
        given = {
            field: environment[variable]
            for field, variable in _VARIABLES.items()
            if environment.get(variable)
        }
        paths = {f: Path(v).resolve() for f, v in given.items() if not f.endswith("port")}
        try:
            ports = {f: int(v) for f, v in given.items() if f.endswith("port")}
        except ValueError as error:
            raise StartError(f"CUSTOMERAI_*PORT must be a number: {error}") from error
        return cls(**paths, **ports)  # type: ignore[arg-type]

    def to_environment(self) -> dict[str, str]:
        """The inverse of `from_environment`, for the processes that the supervisor starts."""
        return {variable: str(getattr(self, field)) for field, variable in _VARIABLES.items()}

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def database_url(self) -> str:
        return f"http://{HOST}:{self.database_port}"

    @property
    def emulator_url(self) -> str:
        return f"http://{HOST}:{self.emulator_port}"

    @property
    def model_url(self) -> str:
        return f"http://{HOST}:{self.model_port}"

    @property
    def cache_url(self) -> str:
        return f"redis://{HOST}:{self.cache_port}/0"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    def aws_environment(self) -> dict[str, str]:
        """What points any AWS SDK at the local parts, and away from a developer's own account."""
        return {
            "AWS_ENDPOINT_URL": self.emulator_url,
            "AWS_ENDPOINT_URL_DYNAMODB": self.database_url,
            "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": self.database_url,
            "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": self.model_url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def cache_environment(self) -> dict[str, str]:
        """The functions' cache: one server is both written and read, and asks for no identity."""
        return {
            "CACHE_URL": self.cache_url,
            "CACHE_READER_URL": self.cache_url,
            "CACHE_IAM_NAME": "",
        }


_VARIABLES = {
    "state": "CUSTOMERAI_STATE_DIR",
    "assembly": "CUSTOMERAI_ASSEMBLY_DIR",
    "code": "CUSTOMERAI_CODE_DIR",
    "port": "CUSTOMERAI_PORT",
    "database_port": "CUSTOMERAI_DATABASE_PORT",
    "emulator_port": "CUSTOMERAI_EMULATOR_PORT",
    "model_port": "CUSTOMERAI_MODEL_PORT",
    "cache_port": "CUSTOMERAI_CACHE_PORT",
}
