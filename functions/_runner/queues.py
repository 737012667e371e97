"""Queues: receives messages and hands them to the mapped function in batches.

Dead-letter queues are the emulator's part: it counts how often a message was received.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from functions._runner import clients
from functions._runner.application import QueueMapping
from functions._runner.pool import FunctionError, Pool
from functions._runner.settings import REGION, Settings

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import MessageTypeDef

_AT_ONCE = 10  # the most that one call to SQS takes
_WAIT_SECONDS = 1  # how long an empty queue is listened to; also how long stopping may take
_LONGEST_DELAY = 60

_log = logging.getLogger(__name__)


class QueuePoller:
    """One mapping: one batch at a time."""

    def __init__(self, mapping: QueueMapping, pool: Pool, settings: Settings) -> None:
        self._mapping = mapping
        self._pool = pool
        self._queues = clients.queues(settings)

    async def run(self) -> None:
        """Empty the queue for ever; an emulator that is away is waited for."""
        while True:
            try:
                messages = await asyncio.to_thread(self._receive)
                if messages:
                    failed = await self._handle(messages)
                    await asyncio.to_thread(self._settle, messages, failed)
            except (BotoCoreError, ClientError) as error:
                _log.warning("queue %s: %s", self._mapping.queue_url, error)
                await asyncio.sleep(0.5)

    def _receive(self) -> list[MessageTypeDef]:
        """What is there, up to a batch: only an empty queue is waited on."""
        messages: list[MessageTypeDef] = []
        while len(messages) < self._mapping.batch_size:
            received = self._queues.receive_message(
                QueueUrl=self._mapping.queue_url,
                MaxNumberOfMessages=min(_AT_ONCE, self._mapping.batch_size - len(messages)),
                WaitTimeSeconds=0 if messages else _WAIT_SECONDS,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            messages += received
            if not received:
                break
        return messages

    async def _handle(self, messages: Sequence[MessageTypeDef]) -> set[str]:
        """Ids of the messages that failed."""
        everything = {message["MessageId"] for message in messages}
        event = {"Records": [event_record(m, self._mapping.queue_arn) for m in messages]}
        try:
            answer = await self._pool.invoke(event)
        except FunctionError as error:
            _log.warning(
                "%s failed %d messages: %s", self._pool.function.name, len(messages), error
            )
            return everything
        if not self._mapping.reports_failures or not isinstance(answer, Mapping):
            return set()
        failed = {item.get("itemIdentifier") for item in answer.get("batchItemFailures") or ()}
        # As in AWS, an answer that names what was not sent fails the whole batch.
        return failed if everything.issuperset(failed) else everything

    def _settle(self, messages: Sequence[MessageTypeDef], failed: Collection[str]) -> None:
        done = [message for message in messages if message["MessageId"] not in failed]
        for group in _groups(done):
            self._queues.delete_message_batch(
                QueueUrl=self._mapping.queue_url,
                Entries=[
                    {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                    for index, message in enumerate(group)
                ],
            )
        for group in _groups([m for m in messages if m["MessageId"] in failed]):
            self._queues.change_message_visibility_batch(
                QueueUrl=self._mapping.queue_url,
                Entries=[
                    {
                        "Id": str(index),
                        "ReceiptHandle": message["ReceiptHandle"],
                        "VisibilityTimeout": delay(message),
                    }
                    for index, message in enumerate(group)
                ],
            )


def _groups(messages: Sequence[MessageTypeDef]) -> list[Sequence[MessageTypeDef]]:
    return [messages[at : at + _AT_ONCE] for at in range(0, len(messages), _AT_ONCE)]


def delay(message: MessageTypeDef) -> int:
    """Seconds until a failed message comes again: 1, 2, 4, ... by how often it came."""
    received = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
    return min(1 << min(received - 1, 6), _LONGEST_DELAY)


def event_record(message: MessageTypeDef, queue_arn: str) -> dict[str, Any]:
    """A received message as Lambda hands it on."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {
            name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    """A message attribute with Lambda's lower-case names and base64 for binary data."""
    attribute = {"dataType": value["DataType"], "stringListValues": [], "binaryListValues": []}
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        attribute["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode("ascii")
    return attribute
