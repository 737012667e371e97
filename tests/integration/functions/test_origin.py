"""Where there is an edge, only what came through it is let in, however good its token is."""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest

from functions._runner import tokens
from tests.conftest import ROOT, LambdaContext

SECRET = "s" * 64


@pytest.fixture
def issuer(tmp_path: Path) -> tokens.Issuer:
    return tokens.Issuer("https://issuer", "customerai", "tenant", tmp_path / "jwks.json")


@pytest.fixture
def authorizer(moto: None, issuer: tokens.Issuer, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    tokens.signing_key(issuer.jwks)
    made = boto3.client("secretsmanager").create_secret(Name="origin", SecretString=SECRET)
    for name, value in {
        "JWKS_URL": issuer.jwks.as_uri(),
        "TOKEN_ISSUER": "https://issuer",
        "TOKEN_AUDIENCE": "customerai",
        "TENANT_CLAIM": "tenant",
        "ORIGIN_SECRET_ARN": made["ARN"],
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "functions.authorizer.handler", raising=False)
    return importlib.import_module("functions.authorizer.handler")


def event(issuer: tokens.Issuer, **headers: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((ROOT / "events/authorizer/request.json").read_text())
    token = tokens.issue(issuer, "acme", ["analytics:read"], 600)
    made["headers"] |= {"authorization": f"Bearer {token}", **headers}
    return made


def test_what_came_through_the_edge_is_let_in(
    authorizer: ModuleType, issuer: tokens.Issuer
) -> None:
    answer = authorizer.handler(event(issuer, **{"x-origin-verify": SECRET}), LambdaContext())
    assert answer["context"]["tenant"] == "acme"


@pytest.mark.parametrize("sent", [{}, {"x-origin-verify": ""}, {"x-origin-verify": SECRET[:-1]}])
def test_whoever_goes_round_it_is_not(
    authorizer: ModuleType, issuer: tokens.Issuer, sent: dict[str, str]
) -> None:
    assert authorizer.handler(event(issuer, **sent), LambdaContext()) == {"isAuthorized": False}


def test_the_header_is_the_one_that_the_edge_adds() -> None:
    from customerai_http.compression import EDGE_HEADER
    from infra_cdk.constructs.http_api import ORIGIN_HEADER

    source = (ROOT / "functions/authorizer/handler.py").read_text()
    assert EDGE_HEADER == ORIGIN_HEADER
    assert f'"{ORIGIN_HEADER}"' in source
