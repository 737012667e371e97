"""Composition: API Gateway's request authorizer, payload 2.0, simple responses."""

from functools import partial
from hmac import compare_digest
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from customerai.adapters.secrets import read_secret
from customerai.environment import read_environment
from customerai.event_loop import run
from customerai.observability.request_line import write_request_line
from customerai.observability.telemetry import logger
from customerai.snapshots import after
from functions.authorizer.settings import Settings
from functions.authorizer.tokens import (
    Claims,
    InvalidTokenError,
    KeySet,
    KeysUnavailableError,
    TokenVerifier,
    fetch_keys,
)

settings = read_environment(Settings)
verifier = TokenVerifier(
    KeySet(partial(fetch_keys, settings.jwks_url)),
    settings.token_issuer,
    settings.token_audience,
    settings.tenant_claim,
)

after(verifier.forget)  # keys may have been withdrawn since the snapshot was taken


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``isAuthorized``, and the claims that functions find in their request context."""
    outcome = "TokensAccepted"
    try:
        claims = _claims(event.get("headers", {}))
    except InvalidTokenError as error:
        logger.info("token refused", reason=str(error))
        outcome = "TokensRefused"
        return {"isAuthorized": False}
    except KeysUnavailableError:
        # Failing leaves the question open; a refusal would be kept by the gateway.
        outcome = "KeysUnavailable"
        raise
    finally:
        write_request_line({outcome: 1}, {"request_id": context.aws_request_id})
    return {
        "isAuthorized": True,
        "context": {
            "tenant": claims.tenant,
            "subject": claims.subject,
            "scopes": claims.scopes,
            "expires_at": str(claims.expires_at),
        },
    }


def _claims(headers: dict[str, str]) -> Claims:
    if not _through_the_edge(headers):
        raise InvalidTokenError("it did not come through the edge")
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise InvalidTokenError("not a bearer token")
    return verifier.verify(token.strip())


def _through_the_edge(headers: dict[str, str]) -> bool:
    """Whether the edge, which knows the secret, sent it on; true where there is no edge."""
    if not settings.origin_secret_arn:
        return True
    secret = run(read_secret(settings.origin_secret_arn))
    return compare_digest(headers.get("x-origin-verify", "").encode(), secret)
