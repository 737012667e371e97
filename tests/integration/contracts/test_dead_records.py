"""What ``DeadRecords`` promises, held against every adapter."""

import json
from typing import Any

import pytest

from customerai.adapters.memory.dead_records import MemoryDeadRecords
from customerai.adapters.s3.dead_records import S3DeadRecords, client

RECORD = {"eventName": "INSERT", "dynamodb": {"NewImage": {"text": {"S": "caf\u00e9"}}}}


class Kept:
    """Where records are put aside, with a way to look at them."""

    def __init__(self, kind: str) -> None:
        if kind == "memory":
            self.port: MemoryDeadRecords | S3DeadRecords = MemoryDeadRecords()
        else:
            client().create_bucket(Bucket="dead")
            self.port = S3DeadRecords("dead", "rollup_stream")

    def all(self) -> dict[str, Any]:
        if isinstance(self.port, MemoryDeadRecords):
            return dict(self.port.kept)
        listed = client().list_objects_v2(Bucket="dead").get("Contents", [])
        return {
            each["Key"].removeprefix("rollup_stream/").removesuffix(".json"): json.loads(
                client().get_object(Bucket="dead", Key=each["Key"])["Body"].read()
            )
            for each in listed
        }


@pytest.fixture(params=["memory", "s3"])
def kept(request: pytest.FixtureRequest, moto: None) -> Kept:
    return Kept(request.param)


async def test_a_record_is_kept_whole_and_once(kept: Kept) -> None:
    for name in ("shard/1", "shard/2", "shard/1"):
        await kept.port.keep(name, RECORD)
    assert kept.all() == {"shard/1": RECORD, "shard/2": RECORD}
