"""Table streams: reads them shard by shard and hands the records to the mapped function.

The place in each shard is kept in a table of the same database, and is written only after the
records before it were handled. So after any crash a record may come twice, and none is left out.
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from functions._runner import clients
from functions._runner.application import StreamMapping
from functions._runner.backoff import backoff
from functions._runner.pool import FunctionError, Pool
from functions._runner.settings import CHECKPOINTS_TABLE, REGION, Settings
from functions._runner.stream_batches import Failure, FailureRules, Record, Steps, settle
from functions._runner.tumbling import TumblingWindow

IDLE_SECONDS = 0.05
_LONGEST_PAUSE = 5.0

_log = logging.getLogger(__name__)


class StreamPoller:
    """One mapping: follows every shard of its table's stream, one batch at a time."""

    def __init__(self, mapping: StreamMapping, pool: Pool, settings: Settings) -> None:
        self._mapping = mapping
        self._pool = pool
        self._database = clients.database(settings)
        self._streams = clients.streams(settings)
        self._buckets = clients.buckets(settings)
        self._rules = FailureRules(
            mapping.bisect, mapping.retries, mapping.max_age, mapping.reports_failures
        )

    async def run(self) -> None:
        """Follow the stream for ever; a local part that is away is waited for."""
        while True:
            try:
                stream, shards = await asyncio.to_thread(self._describe)
                async with asyncio.TaskGroup() as group:
                    for shard in shards:
                        group.create_task(self._follow(stream, shard))
                await asyncio.sleep(IDLE_SECONDS)  # every shard is closed: look for their children
            except* (BotoCoreError, ClientError, FunctionError) as errors:
                _log.warning("stream of %s: %s", self._mapping.table, errors.exceptions[0])
                await asyncio.sleep(0.5)

    def _describe(self) -> tuple[str, list[str]]:
        table = self._database.describe_table(TableName=self._mapping.table)["Table"]
        stream = table["LatestStreamArn"]
        description = self._streams.describe_stream(StreamArn=stream)["StreamDescription"]
        return stream, [shard["ShardId"] for shard in description["Shards"]]

    async def _follow(self, stream: str, shard: str) -> None:
        iterator: str | None = await asyncio.to_thread(self._iterator, stream, shard)
        window = TumblingWindow(self._mapping.window)
        while iterator is not None:
            answer = await asyncio.to_thread(
                self._streams.get_records, ShardIterator=iterator, Limit=self._mapping.batch_size
            )
            records = [event_record(r, stream, self._mapping.stream_arn) for r in answer["Records"]]
            for batch in window.split(records):
                await self._close(window, shard, before=batch)
                window.open(batch)
                await settle(batch, self._rules, self._steps(window, shard))
            if not records:
                await self._close(window, shard)
                await asyncio.sleep(IDLE_SECONDS)
            iterator = answer.get("NextShardIterator")

    async def _close(
        self, window: TumblingWindow, shard: str, before: Sequence[Record] = ()
    ) -> None:
        """Send a window's last, empty event, once it is over."""
        if window.is_over(before):
            event = {"Records": [], **self._window_fields(window, shard, final=True)}
            await self._pool.invoke(event)
            window.close()

    def _steps(self, window: TumblingWindow, shard: str) -> Steps:
        async def invoke(records: Sequence[Record]) -> Any:
            event = {"Records": records, **self._window_fields(window, shard, final=False)}
            answer = await self._pool.invoke(event)
            window.keep(answer)
            return answer

        async def checkpoint(record: Record) -> None:
            number = record["dynamodb"]["SequenceNumber"]
            await asyncio.to_thread(self._write_checkpoint, shard, number)

        async def give_up(records: Sequence[Record], failure: Failure) -> None:
            name, (first, last) = self._pool.function.name, _ends(records)
            _log.error("%s gave up records %s to %s: %s", name, first, last, failure)
            if self._mapping.on_failure_bucket is not None:
                await asyncio.to_thread(self._write_failure, shard, records, failure)

        return Steps(invoke, checkpoint, give_up, pause)

    def _window_fields(self, window: TumblingWindow, shard: str, *, final: bool) -> dict[str, Any]:
        if not self._mapping.window:
            return {}
        return {
            "window": window.bounds(),
            "state": window.state,
            "shardId": shard,
            "eventSourceARN": self._mapping.stream_arn,
            "isFinalInvokeForWindow": final,
            "isWindowTerminatedEarly": False,
        }

    def _key(self, shard: str) -> Any:
        return {"pk": {"S": f"{self._mapping.table}/{shard}/{self._pool.function.name}"}}

    def _iterator(self, stream: str, shard: str) -> str:
        found = self._database.get_item(
            TableName=CHECKPOINTS_TABLE, Key=self._key(shard), ConsistentRead=True
        ).get("Item")
        if found is None:
            answer = self._streams.get_shard_iterator(
                StreamArn=stream,
                ShardId=shard,
                ShardIteratorType=self._mapping.starting_position,  # type: ignore[arg-type]
            )
        else:
            answer = self._streams.get_shard_iterator(
                StreamArn=stream,
                ShardId=shard,
                ShardIteratorType="AFTER_SEQUENCE_NUMBER",
                SequenceNumber=found["sequence_number"]["S"],
            )
        return answer["ShardIterator"]

    def _write_checkpoint(self, shard: str, sequence_number: str) -> None:
        item = self._key(shard) | {"sequence_number": {"S": sequence_number}}
        self._database.put_item(TableName=CHECKPOINTS_TABLE, Item=item)

    def _write_failure(self, shard: str, records: Sequence[Record], failure: Failure) -> None:
        """The record that Lambda writes to an on-failure bucket, under the key that it gives it."""
        now = dt.datetime.now(dt.UTC)
        name = f"{now:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
        first, last = _ends(records)
        body = {
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": self._pool.function.arn,
                "condition": failure.condition,
                "approximateInvokeCount": failure.attempts,
            },
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": failure.error,
            },
            "version": "1.0",
            "timestamp": now.isoformat().replace("+00:00", "Z"),
            "DDBStreamBatchInfo": {
                "shardId": shard,
                "startSequenceNumber": first,
                "endSequenceNumber": last,
                "batchSize": len(records),
                "streamArn": self._mapping.stream_arn,
            },
            "payload": {"Records": records},
        }
        self._buckets.put_object(
            Bucket=str(self._mapping.on_failure_bucket),
            Key=f"aws/lambda/{self._mapping.id}/{shard}/{now:%Y/%m/%d}/{name}",
            Body=json.dumps(body).encode(),
            ContentType="application/json",
        )


async def pause(failures: int) -> None:
    """Longer after every failure: 0.1 s, 0.2 s, up to five seconds."""
    await asyncio.sleep(backoff(0.1, failures, _LONGEST_PAUSE))


def _ends(records: Sequence[Record]) -> tuple[str, str]:
    """The sequence numbers of the first record and the last."""
    return records[0]["dynamodb"]["SequenceNumber"], records[-1]["dynamodb"]["SequenceNumber"]


def event_record(record: Mapping[str, Any], stream: str, stream_arn: str) -> Record:
    """A record of the streams API as Lambda hands it on, in plain JSON values."""
    change = dict(record["dynamodb"])
    created = change["ApproximateCreationDateTime"]
    for image in ("Keys", "NewImage", "OldImage"):
        if image in change:
            change[image] = _plain(change[image])
    # The database numbers its records per stream; in AWS an event's id is unique.
    identity = f"{stream}/{change['SequenceNumber']}"
    return {
        "eventID": hashlib.md5(identity.encode(), usedforsecurity=False).hexdigest(),
        "eventName": record["eventName"],
        "eventVersion": record["eventVersion"],
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": change | {"ApproximateCreationDateTime": created.timestamp()},
        "eventSourceARN": stream_arn,
    } | ({"userIdentity": record["userIdentity"]} if "userIdentity" in record else {})


def _plain(value: Any) -> Any:
    """Attribute values with binary data as base64."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value
