from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import jwt
import pytest

from functions._runner.application import read_application
from functions._runner.assembly import Assembly
from functions._runner.settings import StartError
from functions._runner.tokens import SCOPES, Issuer, issue, local_issuer


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer("https://issuer", "shop", "tenant", tmp_path / "keys" / "jwks.json")


def test_a_token_is_verified_with_the_published_key_alone(issuer: Issuer) -> None:
    token = issue(issuer, "acme", SCOPES, 60)
    keys = jwt.PyJWKSet.from_json(issuer.jwks.read_text())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(
        token,
        key,
        algorithms=["RS256"],
        audience="shop",
        issuer="https://issuer",
        options={"require": ["iss", "aud", "sub", "exp", "iat"]},
    )
    assert claims["tenant"] == "acme"
    assert claims["scope"].split() == list(SCOPES)
    assert claims["exp"] - claims["iat"] == 60
    assert set(claims) == {"iss", "aud", "sub", "exp", "iat", "scope", "tenant"}


def test_the_private_key_is_for_its_owner_alone_and_never_published(issuer: Issuer) -> None:
    issue(issuer, "acme", SCOPES, 60)
    private = issuer.jwks.with_name("signing-key.pem")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    (published,) = json.loads(issuer.jwks.read_text())["keys"]
    assert set(published) == {"alg", "e", "kid", "kty", "n", "use"}


def test_calls_at_the_same_time_agree_on_one_key(issuer: Issuer) -> None:
    with ThreadPoolExecutor(8) as threads:
        tokens = list(threads.map(lambda n: issue(issuer, f"t{n}", SCOPES, 60), range(8)))
    keys = jwt.PyJWKSet.from_json(issuer.jwks.read_text())
    assert len(keys.keys) == 1
    for token in tokens:
        jwt.decode(token, keys.keys[0], algorithms=["RS256"], audience="shop")
    assert sorted(path.name for path in issuer.jwks.parent.iterdir()) == [
        "jwks.json",
        "signing-key.pem",
    ]


def test_a_lost_key_set_is_published_again(issuer: Issuer) -> None:
    issue(issuer, "acme", SCOPES, 60)
    published = issuer.jwks.read_text()
    issuer.jwks.unlink()
    issue(issuer, "acme", SCOPES, 60)
    assert issuer.jwks.read_text() == published


@pytest.mark.parametrize("tenant", ["", ".hidden", "a b", "a" * 65, "a\n", "é", "a/b"])
def test_a_tenant_that_no_token_can_carry_is_refused(issuer: Issuer, tenant: str) -> None:
    with pytest.raises(StartError, match="no tenant"):
        issue(issuer, tenant, SCOPES, 60)


def test_the_issuer_is_the_one_that_the_authorizer_trusts(assembly: Assembly) -> None:
    application = read_application(assembly)
    assert local_issuer(application) == Issuer(
        "https://issuer", "shop", "tenant", Path("/tmp/keys/jwks.json")
    )
    with pytest.raises(StartError, match="No route"):
        local_issuer(replace(application, routes=()))
