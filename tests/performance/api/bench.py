"""What a measurement is given, and the functions that it measures as they are deployed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
from rich.console import Console

from functions._runner import tokens
from functions._runner.application import Application, read_application
from functions._runner.assembly import load_assembly
from functions._runner.resources import create_tables
from functions._runner.settings import Settings
from tests.performance.serving.artifact import ROOT

Event = dict[str, Any]

# A session token is as long as this, and every request is signed with it.
_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "IQoJb3JpZ2luX2Vj" * 60,
}
_TOKEN_SECONDS = 24 * 3_600
_SCOPES = ("interactions:read", "interactions:write", "sentiment:analyse", "analytics:read")


@dataclass(frozen=True, slots=True)
class Plan:
    """How thoroughly to measure."""

    rounds: int = 12
    seconds: float = 0.4
    """What a turn of a subject takes, about."""
    starts: int = 10
    """Cold starts of each function."""
    tenants: tuple[int, ...] = (1_000, 10_000, 100_000)
    """Interactions of each tenant whose reads are compared."""


QUICK = Plan(rounds=4, seconds=0.15, starts=3, tenants=(1_000, 10_000))


@dataclass(frozen=True)
class Bench:
    """One run: its plan, a scratch folder, and where a line for each thing done goes."""

    plan: Plan
    folder: Path
    progress: Console

    def say(self, text: str) -> None:
        self.progress.print(text, markup=False, highlight=False)

    def events(self, name: str, operations: Mapping[str, Sequence[Event]]) -> str:
        """Write operations and their events where a subject reads them; return the path."""
        path = self.folder / f"{name}.events.json"
        path.write_text(json.dumps({key: list(each) for key, each in operations.items()}))
        return str(path)


@dataclass(frozen=True)
class Deployment:
    """The functions' environment, from the local stage's templates.

    DynamoDB is at `database`, every other service at `services`, both URLs of this machine. Where
    no `cache` is named nobody answers for it, and it is done without. The authorizer trusts a key
    of its own, which lies in `folder`.
    """

    services: str
    folder: Path
    database: str | None = None
    cache: str = "redis://127.0.0.1:1"
    assembly: Path = field(default=ROOT / "cdk.out.local")

    @cached_property
    def application(self) -> Application:
        return read_application(load_assembly(self._settings))

    def environment(self, function: str) -> dict[str, str]:
        """All variables of a function, its AWS clients' and its own."""
        self._issuer  # noqa: B018 - makes the key set's file
        own = self.application.functions[function].environment
        return {
            **self._settings.aws_environment(),
            **_CREDENTIALS,
            "CACHE_URL": self.cache,
            "CACHE_READER_URL": self.cache,
            "CACHE_IAM_NAME": "",
            **own,
            **({"JWKS_URL": self._issuer.jwks.as_uri()} if "JWKS_URL" in own else {}),
        }

    def create_tables(self) -> None:
        """Make the templates' tables in the database."""
        create_tables(load_assembly(self._settings), self._settings)

    def tables(self) -> list[dict[str, Any]]:
        """The properties of the templates' tables."""
        kinds = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
        found = load_assembly(self._settings).resources(*kinds)
        return [dict(table.properties) for table in found]

    def token(self, tenant: str) -> str:
        """A token that the authorizer takes."""
        return tokens.issue(self._issuer, tenant, _SCOPES, _TOKEN_SECONDS)

    def different_tokens(self, tenant: str, count: int) -> list[str]:
        """So many of them, that differ in when they expire."""
        first = self.token(tenant)
        header = jwt.get_unverified_header(first)
        claims = jwt.decode(first, options={"verify_signature": False})
        key = tokens.signing_key(self._issuer.jwks)
        return [
            jwt.encode(claims | {"exp": claims["exp"] + number}, key, header["alg"], header)
            for number in range(count)
        ]

    @cached_property
    def _settings(self) -> Settings:
        port = urlsplit(self.services).port
        database = urlsplit(self.database or self.services).port
        assert port is not None
        assert database is not None
        return replace(
            Settings(),
            assembly=self.assembly,
            emulator_port=port,
            model_port=port,
            database_port=database,
        )

    @cached_property
    def _issuer(self) -> tokens.Issuer:
        environment = self.application.functions["authorizer"].environment
        issuer = tokens.Issuer(
            environment["TOKEN_ISSUER"],
            environment["TOKEN_AUDIENCE"],
            environment["TENANT_CLAIM"],
            self.folder / "jwks.json",
        )
        tokens.signing_key(issuer.jwks)
        return issuer


def event(name: str, *, token: str | None = None, tenant: str | None = None) -> Event:
    """An event of the folder `events`, with another token or tenant where given.

    Its client takes no compression: that is measured apart, and the usual stack does without.
    """
    found: Event = json.loads((ROOT / "events" / name).read_text(encoding="utf-8"))
    found.get("headers", {}).pop("accept-encoding", None)
    if token is not None:
        found["headers"]["authorization"] = f"Bearer {token}"
    if tenant is not None:
        found["requestContext"]["authorizer"]["lambda"]["tenant"] = tenant
    return found


def with_query(base: Event, query: Mapping[str, str]) -> Event:
    """The same request with another query string, whose values need no escaping."""
    text = "&".join(f"{name}={value}" for name, value in query.items())
    return base | {"rawQueryString": text, "queryStringParameters": dict(query)}


def with_body(base: Event, body: object) -> Event:
    """The same request with another body, sent as JSON."""
    text = json.dumps(body)
    headers = base["headers"] | {"content-length": str(len(text.encode()))}
    return base | {"body": text, "headers": headers}
