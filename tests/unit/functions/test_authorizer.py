"""Tokens against key sets of the test's own."""

import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt import PyJWKSet
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from functions.authorizer.tokens import (
    Claims,
    InvalidTokenError,
    KeySet,
    KeysUnavailableError,
    TokenVerifier,
    fetch_keys,
)

RSA = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
NOW = int(time.time())
LONG = 24 * 3_600
"""Seconds: longer than all tests take."""
CLAIMS = {
    "iss": "https://issuer.example.com",
    "aud": "customerai",
    "sub": "client-1",
    "exp": NOW + LONG,
    "tenant": "acme",
    "scope": "interactions:read analytics:read",
}


def jwk(key: Any, key_id: str, algorithm: str) -> dict[str, Any]:
    kind = RSAAlgorithm if algorithm.startswith("RS") else ECAlgorithm
    made: dict[str, Any] = json.loads(kind.to_jwk(key.public_key()))
    return made | {"kid": key_id, "alg": algorithm, "use": "sig"}


PUBLISHED = {"keys": [jwk(RSA, "rsa", "RS256"), jwk(EC, "ec", "ES256")]}


def token(key: Any = RSA, key_id: str = "rsa", algorithm: str = "RS256", **claims: object) -> str:
    payload = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    return jwt.encode(payload, key, algorithm, headers={"kid": key_id})


def verifier(fetch: Callable[[], PyJWKSet] | None = None) -> TokenVerifier:
    keys = KeySet(fetch or (lambda: PyJWKSet.from_dict(PUBLISHED)))
    return TokenVerifier(keys, CLAIMS["iss"], "customerai", "tenant")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "key_id", "algorithm"), [(RSA, "rsa", "RS256"), (EC, "ec", "ES256")]
)
def test_a_good_token(key: Any, key_id: str, algorithm: str) -> None:
    claims = verifier().verify(token(key, key_id, algorithm))
    assert claims == Claims("acme", "client-1", "interactions:read analytics:read", NOW + LONG)


def test_scopes_may_come_as_a_list() -> None:
    assert verifier().verify(token(scope=["a", "b"])).scopes == "a b"
    assert verifier().verify(token(scope=None)).scopes == ""


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "nonsense",
        "a.b.c",
        token(OTHER),
        token(key_id="unknown"),
        token(exp=NOW - 60),
        token(exp=None),
        token(sub=None),
        token(nbf=NOW + LONG),
        token(iss="https://evil.example.com"),
        token(aud="another"),
        token(tenant=None),
        token(tenant=""),
        token(tenant="acme#0"),
        token(tenant="a/b"),
        token(tenant=["acme"]),
        token(tenant="t" * 65),
        token("secret-secret-secret-secret-secret", "rsa", "HS256"),
        jwt.encode(CLAIMS, "", "none", headers={"kid": "rsa"}),
        token(EC, "rsa", "ES256"),
    ],
)
def test_a_token_that_proves_nothing(bad: str) -> None:
    with pytest.raises(InvalidTokenError):
        verifier().verify(bad)


class Issuer:
    """Publishes keys, counts who asks, and may be down."""

    def __init__(self) -> None:
        self.asked, self.down, self.now = 0, False, 0.0
        self.published = PUBLISHED
        self.keys = KeySet(self.fetch, clock=lambda: self.now, lifetime=300, pause=10)

    def fetch(self) -> PyJWKSet:
        self.asked += 1
        if self.down:
            raise OSError("no route to host")
        return PyJWKSet.from_dict(self.published)


def test_keys_are_fetched_once_in_their_lifetime() -> None:
    issuer = Issuer()
    for now in (0, 100, 299):
        issuer.now = now
        issuer.keys.find("rsa")
    assert issuer.asked == 1
    issuer.now = 301
    issuer.keys.find("rsa")
    assert issuer.asked == 2


def test_forged_key_ids_do_not_hammer_the_issuer() -> None:
    issuer = Issuer()
    for _ in range(50):
        issuer.now += 1
        with pytest.raises(InvalidTokenError):
            issuer.keys.find("forged")
    assert issuer.asked <= 5


def test_a_new_key_is_found_soon() -> None:
    issuer = Issuer()
    issuer.keys.find("rsa")
    issuer.published = {"keys": [*PUBLISHED["keys"], jwk(OTHER, "next", "RS256")]}
    issuer.now = 11
    issuer.keys.find("next")


def test_known_keys_serve_while_the_issuer_is_down() -> None:
    issuer = Issuer()
    issuer.keys.find("rsa")
    issuer.down, issuer.now = True, 10_000
    issuer.keys.find("rsa")


def test_a_key_id_is_not_refused_while_the_issuer_can_not_be_asked() -> None:
    """A refusal would be kept by the gateway, and the key may be a new one."""
    issuer = Issuer()
    issuer.keys.find("rsa")
    issuer.down, issuer.now = True, 100
    for _ in range(2):
        with pytest.raises(KeysUnavailableError):
            issuer.keys.find("next")


def test_without_keys_no_token_is_judged() -> None:
    issuer = Issuer()
    issuer.down = True
    with pytest.raises(KeysUnavailableError):
        issuer.keys.find("rsa")


def test_keys_come_by_https_or_from_a_file(tmp_path: Any) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(PUBLISHED))
    assert {key.key_id for key in fetch_keys(path.as_uri()).keys} == {"rsa", "ec"}
    for url in ("http://issuer.example.com/keys", "ftp://issuer.example.com/keys"):
        with pytest.raises(ValueError, match="https"):
            fetch_keys(url)


def remembering(issuer: Issuer, capacity: int = 1_000, lifetime: float = 300) -> TokenVerifier:
    return TokenVerifier(
        issuer.keys,
        str(CLAIMS["iss"]),
        "customerai",
        "tenant",
        clock=lambda: NOW + issuer.now,
        lifetime=lifetime,
        capacity=capacity,
    )


def test_a_verified_token_is_remembered_but_not_for_ever() -> None:
    issuer = Issuer()
    judge = remembering(issuer)
    claims = judge.verify(token())
    issuer.published, issuer.now = {"keys": [jwk(EC, "ec", "ES256")]}, 299
    assert judge.verify(token()) == claims
    issuer.now = 301
    with pytest.raises(InvalidTokenError):
        judge.verify(token())


def test_a_remembered_token_ends_when_it_says() -> None:
    issuer = Issuer()
    judge = remembering(issuer, lifetime=2 * LONG)
    brief = token(exp=NOW + LONG)
    judge.verify(brief)
    issuer.now = LONG + 1
    judge.keys.forget()
    issuer.published = {"keys": [jwk(EC, "ec", "ES256")]}
    with pytest.raises(InvalidTokenError):
        judge.verify(brief)


def test_what_was_refused_is_judged_again() -> None:
    issuer = Issuer()
    judge = remembering(issuer)
    new = token(OTHER, "next")
    with pytest.raises(InvalidTokenError):
        judge.verify(new)
    issuer.published, issuer.now = {"keys": [jwk(OTHER, "next", "RS256")]}, 11
    assert judge.verify(new).tenant == "acme"


def test_no_more_tokens_are_remembered_than_allowed() -> None:
    issuer = Issuer()
    judge = remembering(issuer, capacity=2)
    first, second, third = (token(sub=f"client-{number}") for number in range(3))
    for each in (first, second, third):
        judge.verify(each)
    issuer.published, issuer.now = {"keys": [jwk(EC, "ec", "ES256")]}, 11
    judge.keys.forget()
    judge.verify(third)
    judge.verify(second)
    with pytest.raises(InvalidTokenError):
        judge.verify(first)


def test_after_a_snapshot_keys_are_fetched_and_tokens_judged_anew() -> None:
    issuer = Issuer()
    judge = remembering(issuer)
    judge.verify(token())
    issuer.published = {"keys": [jwk(EC, "ec", "ES256")]}
    judge.forget()
    with pytest.raises(InvalidTokenError):
        judge.verify(token())
    assert issuer.asked == 2
