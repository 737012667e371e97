"""Unreadable records, each an object in an S3 bucket."""

import asyncio
import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from customerai.adapters import aws
from customerai.domain.errors import UnavailableError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class S3DeadRecords:
    """``customerai.ports.DeadRecords``; a record that comes again replaces itself.

    Hardly ever called, so by botocore, which is imported then.
    """

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix

    async def keep(self, name: str, record: Mapping[str, Any]) -> None:
        key = f"{self._prefix}/{name}.json"
        await asyncio.to_thread(self._put, key, json.dumps(record, default=str).encode())

    def _put(self, key: str, body: bytes) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            client().put_object(
                Bucket=self._bucket, Key=key, Body=body, ContentType="application/json"
            )
        except (BotoCoreError, ClientError) as error:
            raise UnavailableError("dead records") from error


@cache
def client() -> "S3Client":
    from botocore.config import Config
    from botocore.session import get_session

    made: Any = get_session().create_client(
        "s3",
        config=Config(
            connect_timeout=aws.CONNECT_TIMEOUT_SECONDS,
            read_timeout=aws.READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": aws.MAX_ATTEMPTS},
        ),
    )
    return cast("S3Client", made)
