"""What this function reads from its environment."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    jwks_url: str
    """Where the issuer publishes its keys: https, or file in development."""
    token_issuer: str
    token_audience: str
    tenant_claim: str
    origin_secret_arn: str
    """Of what the edge proves itself with; empty where there is no edge."""
