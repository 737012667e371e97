"""Development tokens: signed here, verified by the real authorizer.

Issuer, audience, tenant claim and the key set's place are what the synthesised authorizer is given.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import RSAAlgorithm

from customerai.domain.tenants import TENANT_FORM, is_tenant
from functions._runner.application import Application
from functions._runner.settings import StartError

SCOPES = (
    "interactions:read",
    "interactions:write",
    "sentiment:analyse",
    "taxonomy:read",
    "taxonomy:write",
    "analytics:read",
    "platform:explain",
)


@dataclass(frozen=True)
class Issuer:
    """`jwks` is the file with the public key; the private one lies beside it."""

    name: str
    audience: str
    tenant_claim: str
    jwks: Path


def local_issuer(application: Application) -> Issuer:
    """The issuer that the templates' authorizer trusts; StartError where it is not local."""
    for route in application.routes:
        if route.authorizer is not None:
            environment = route.authorizer.function.environment
            url = urlsplit(environment["JWKS_URL"])
            if url.scheme != "file":
                raise StartError(f"The authorizer trusts {url.geturl()}: no token can be made here")
            return Issuer(
                environment["TOKEN_ISSUER"],
                environment["TOKEN_AUDIENCE"],
                environment["TENANT_CLAIM"],
                Path(url2pathname(url.path)),
            )
    raise StartError("No route has an authorizer, so there is nothing to make a token for")


def issue(issuer: Issuer, tenant: str, scopes: Sequence[str], lifetime: int) -> str:
    """An RS256 token for `lifetime` seconds; StartError for a tenant that no token can carry."""
    if not is_tenant(tenant):
        raise StartError(f"{tenant!r} is no tenant: {TENANT_FORM}")
    key = signing_key(issuer.jwks)
    now = int(time.time())
    claims = {
        "iss": issuer.name,
        "aud": issuer.audience,
        "sub": f"{tenant}-developer",
        "iat": now,
        "exp": now + lifetime,
        "scope": " ".join(scopes),
        issuer.tenant_claim: tenant,
    }
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": _public(key)["kid"]})


def signing_key(jwks: Path) -> rsa.RSAPrivateKey:
    """The private key beside the key set; both are made where absent.

    However many processes ask at once, all get the same key.
    """
    path = jwks.with_name("signing-key.pem")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        draft.touch(mode=0o600)
        draft.write_bytes(pem)
        try:
            os.link(draft, path)  # unlike a rename this never replaces another's key
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise StartError(f"{path} is no RSA key: delete it and a new one is made")
    _publish(key, jwks)
    return key


def _publish(key: rsa.RSAPrivateKey, jwks: Path) -> None:
    document = json.dumps({"keys": [_public(key)]})
    if not jwks.exists() or jwks.read_text() != document:
        draft = jwks.with_name(f".{jwks.name}.{uuid.uuid4().hex}")
        draft.write_text(document)
        draft.replace(jwks)


def _public(key: rsa.RSAPrivateKey) -> dict[str, Any]:
    public: dict[str, Any] = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    public = {name: public[name] for name in ("e", "kty", "n")}
    # The key's id is its thumbprint: https://www.rfc-editor.org/rfc/rfc7638
    digest = hashlib.sha256(json.dumps(public, sort_keys=True, separators=(",", ":")).encode())
    key_id = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode("ascii")
    return public | {"kid": key_id, "use": "sig", "alg": "RS256"}
