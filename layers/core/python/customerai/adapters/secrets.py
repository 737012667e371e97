"""Secrets in AWS Secrets Manager."""

from functools import cache

from customerai.adapters import aws


@cache
def read_secret(arn: str) -> bytes:
    """The secret's value, read once in a process's life. Raises ``UnavailableError``."""
    with aws.reporting("secrets"):
        return aws.secrets().get_secret_value(SecretId=arn)["SecretString"].encode()
