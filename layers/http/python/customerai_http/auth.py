"""Who is asking: what the authorizer found in the verified token, and which scopes a route needs.

The tenant comes from here and from nowhere else.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

_BEARER = HTTPBearer(bearerFormat="JWT", auto_error=False, description="An OIDC access token.")


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


def require(scope: str) -> Callable[[Request], Awaitable[Principal]]:
    """A dependency that gives the principal, where its token carries ``scope``."""

    async def principal(request: Request) -> Principal:
        found = principal_of(request.scope.get("aws.event", {}), time.time())
        if scope not in found.scopes:
            raise ForbiddenError(f"The token lacks the scope {scope}.")
        return found

    return principal


def bearer() -> Any:
    """Documents in OpenAPI that a route needs a token; the gateway has verified it by then."""
    return Depends(_BEARER)
