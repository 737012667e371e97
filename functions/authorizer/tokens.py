"""Bearer tokens: signature, issuer, audience, expiry and tenant, against the issuer's key set."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.request import urlopen

import jwt
from jwt import PyJWK, PyJWKSet

from customerai.domain.tenants import is_tenant

ALGORITHMS = ("RS256", "ES256", "EdDSA")
_LEEWAY_SECONDS = 5
_FETCH_TIMEOUT_SECONDS = 3.0
_SCHEMES = ("https://", "file://")


class InvalidTokenError(Exception):
    """The token proves nothing."""


class KeysUnavailableError(Exception):
    """The issuer's keys can't be had, so no token can be judged."""


@dataclass(frozen=True, slots=True)
class Claims:
    tenant: str
    subject: str
    scopes: str
    """Separated by spaces, as OAuth 2 writes them."""
    expires_at: int
    """Unix seconds."""


def fetch_keys(url: str) -> PyJWKSet:
    """The key set at an https or file URL. Raises OSError, ValueError or jwt.PyJWTError."""
    if not url.startswith(_SCHEMES):
        raise ValueError(f"keys are fetched by https or from a file, not from {url}")
    with urlopen(url, timeout=_FETCH_TIMEOUT_SECONDS) as answer:  # noqa: S310 - checked above
        if not answer.url.startswith(_SCHEMES):
            raise ValueError(f"{url} leads to {answer.url}")
        return PyJWKSet.from_json(answer.read().decode())


@dataclass
class KeySet:
    """The issuer's keys, kept for ``lifetime`` seconds.

    A key id that is not among them makes it ask again, once in ``pause`` seconds at the most, so
    that forged key ids can't make it hammer the issuer. While the issuer does not answer, the keys
    it has go on serving.
    """

    fetch: Callable[[], PyJWKSet]
    clock: Callable[[], float] = time.monotonic
    lifetime: float = 300.0
    pause: float = 10.0
    _keys: dict[str | None, PyJWK] = field(default_factory=dict)
    _fetched_at: float = float("-inf")
    _tried_at: float = float("-inf")

    def find(self, key_id: str | None) -> PyJWK:
        """Raises ``InvalidTokenError`` only where the keys are fresh enough to say so."""
        now = self.clock()
        stale = now - self._fetched_at > self.lifetime
        if (stale or key_id not in self._keys) and now - self._tried_at > self.pause:
            self._tried_at = now
            self._refresh(now)
        if key_id in self._keys:
            return self._keys[key_id]
        if now - self._fetched_at > self.pause:
            raise KeysUnavailableError("the issuer's keys can't be had")
        raise InvalidTokenError("signed with a key that the issuer does not publish")

    def forget(self) -> None:
        """Have the keys fetched before the next token is judged."""
        self._keys = {}
        self._fetched_at = self._tried_at = float("-inf")

    def _refresh(self, now: float) -> None:
        try:
            keys = self.fetch().keys
        except (jwt.PyJWTError, OSError, ValueError):
            return
        self._keys = {key.key_id: key for key in keys}
        self._fetched_at = now


@dataclass(frozen=True)
class TokenVerifier:
    """Remembers the tokens verified last, each for as long as a key is kept and until it expires:
    a client sends the same one with each of its requests, and a signature takes longest."""

    keys: KeySet
    issuer: str
    audience: str
    tenant_claim: str
    clock: Callable[[], float] = time.time
    lifetime: float = 300.0
    capacity: int = 1_000
    _verified: OrderedDict[str, tuple[float, Claims]] = field(default_factory=OrderedDict)

    def verify(self, token: str) -> Claims:
        """Raises ``InvalidTokenError``, or ``KeysUnavailableError`` where it can't judge."""
        now = self.clock()
        known = self._verified.get(token)
        if known is not None and now < known[0]:
            return known[1]
        claims = self._verify(token)
        self._verified.pop(token, None)
        self._verified[token] = min(now + self.lifetime, claims.expires_at), claims
        if len(self._verified) > self.capacity:
            self._verified.popitem(last=False)
        return claims

    def forget(self) -> None:
        """Judge every token anew, by keys that are fetched anew."""
        self._verified.clear()
        self.keys.forget()

    def _verify(self, token: str) -> Claims:
        try:
            header = jwt.get_unverified_header(token)
            key = self.keys.find(header.get("kid"))
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[each for each in ALGORITHMS if each == key.algorithm_name],
                audience=self.audience,
                issuer=self.issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise InvalidTokenError(str(error)) from error
        tenant = claims.get(self.tenant_claim)
        if not isinstance(tenant, str) or not is_tenant(tenant):
            raise InvalidTokenError(f"no valid tenant in the claim {self.tenant_claim}")
        return Claims(tenant, claims["sub"], _scopes(claims.get("scope", "")), int(claims["exp"]))


def _scopes(claim: object) -> str:
    """Issuers write scopes as one string (RFC 8693) or as a list."""
    if isinstance(claim, list):
        return " ".join(str(each) for each in claim)
    return str(claim)
