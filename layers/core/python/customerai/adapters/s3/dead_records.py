"""Unreadable records, each an object in an S3 bucket."""

import json
from collections.abc import Mapping
from typing import Any

from customerai.adapters import aws


class S3DeadRecords:
    """``customerai.ports.DeadRecords``; a record that comes again replaces itself."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix

    def keep(self, name: str, record: Mapping[str, Any]) -> None:
        with aws.reporting("dead records"):
            aws.s3().put_object(
                Bucket=self._bucket,
                Key=f"{self._prefix}/{name}.json",
                Body=json.dumps(record, default=str).encode(),
                ContentType="application/json",
            )
