"""Who is asking: what the authorizer found in the verified token, and which scopes a route needs.

The tenant comes from here and from nowhere else.
"""

import time
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase


class UnauthorizedError(Exception):
    """No verified token came with the request, or it has expired."""


class ForbiddenError(Exception):
    """The token is good, but does not allow this."""


@dataclass(frozen=True, slots=True)
class Principal:
    tenant: str
    subject: str
    scopes: frozenset[str]


def principal_of(event: dict[str, Any], now: float) -> Principal:
    """The principal that the gateway's authorizer put into ``event``.

    The gateway may reuse an authorizer's answer for a while, so its expiry is looked at again.
    """
    context = event.get("requestContext", {}).get("authorizer", {}).get("lambda") or {}
    if not context.get("tenant"):
        raise UnauthorizedError("A bearer token is needed.")
    if float(context["expires_at"]) <= now:
        raise UnauthorizedError("The token has expired.")
    return Principal(context["tenant"], context["subject"], frozenset(context["scopes"].split()))


class Require(SecurityBase):
    """A dependency that gives the principal, where its token carries ``scope``.

    It also documents that a route needs a token, which the gateway has verified by then: a second
    dependency for that would be solved on every request.
    """

    def __init__(self, scope: str) -> None:
        self.scheme_name = "HTTPBearer"
        self.model = HTTPBearer(bearerFormat="JWT", description="An OIDC access token.")
        self.scope = scope

    async def __call__(self, request: Request) -> Principal:
        found = principal_of(request.scope.get("aws.event", {}), time.time())
        if self.scope not in found.scopes:
            raise ForbiddenError(f"The token lacks the scope {self.scope}.")
        return found
