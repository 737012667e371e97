"""A token issuer for tests: its key pair, its published keys, its tokens."""

import json
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

ISSUER = "https://auth.customerai.local"
AUDIENCE = "customerai"
ALL_SCOPES = (
    "interactions:read interactions:write sentiment:analyse "
    "taxonomy:read taxonomy:write analytics:read"
)
_KEY_ID = "e2e"


class Issuer:
    """Signs whatever it is asked to: right tokens, and tokens with one thing wrong."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)

    def publish(self, path: Path) -> None:
        public = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        keys = [{**public, "kid": _KEY_ID, "alg": "RS256", "use": "sig"}]
        path.write_text(json.dumps({"keys": keys}))

    def token(self, tenant: str, *, lifetime_s: int = 600, **claims: Any) -> str:
        """A token for the tenant with all scopes; `claims` replace or add to what it says."""
        now = int(time.time())
        content = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": f"client-of-{tenant}",
            "tenant": tenant,
            "scope": ALL_SCOPES,
            "iat": now,
            "exp": now + lifetime_s,
            **claims,
        }
        return jwt.encode(content, self._key, algorithm="RS256", headers={"kid": _KEY_ID})
