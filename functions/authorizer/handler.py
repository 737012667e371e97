"""Composition: API Gateway's request authorizer, payload 2.0, simple responses."""

from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from customerai.environment import read_environment
from customerai.observability.telemetry import MetricUnit, logger, metrics
from functions.authorizer.settings import Settings
from functions.authorizer.tokens import (
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


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``isAuthorized``, and the claims that functions find in their request context."""
    kind, _, token = event.get("headers", {}).get("authorization", "").partition(" ")
    try:
        if kind.lower() != "bearer":
            raise InvalidTokenError("not a bearer token")
        claims = verifier.verify(token.strip())
    except InvalidTokenError as error:
        logger.info("token refused", reason=str(error))
        metrics.add_metric("TokensRefused", MetricUnit.Count, 1)
        return {"isAuthorized": False}
    except KeysUnavailableError:
        # Failing leaves the question open; a refusal would be kept by the gateway.
        metrics.add_metric("KeysUnavailable", MetricUnit.Count, 1)
        raise
    metrics.add_metric("TokensAccepted", MetricUnit.Count, 1)
    return {
        "isAuthorized": True,
        "context": {
            "tenant": claims.tenant,
            "subject": claims.subject,
            "scopes": claims.scopes,
            "expires_at": str(claims.expires_at),
        },
    }
