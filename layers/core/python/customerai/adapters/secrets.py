"""Secrets in AWS Secrets Manager."""

from customerai.adapters import aws
from customerai.adapters.aws.errors import reporting

_read: dict[str, bytes] = {}


async def read_secret(arn: str) -> bytes:
    """The secret's value, read once in a process's life. Raises ``UnavailableError``."""
    if arn not in _read:
        with reporting("secrets"):
            answer = await aws.secrets().call("GetSecretValue", {"SecretId": arn})
        _read[arn] = answer["SecretString"].encode()
    return _read[arn]
