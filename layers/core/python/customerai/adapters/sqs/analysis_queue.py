"""What is to be analysed, on an SQS queue: one message an interaction, sent ten at a time."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from customerai.adapters import aws
from customerai.domain.errors import UnavailableError
from customerai.domain.ids import is_id
from customerai.domain.interaction import InteractionRef

if TYPE_CHECKING:
    from types_boto3_sqs.literals import QueueAttributeNameType

_BATCH = 10
"""Messages that one SendMessageBatch takes."""


_DEPTHS: "list[QueueAttributeNameType]" = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
]


class SQSAnalysisQueue:
    """``customerai.ports.AnalysisQueue``."""

    def __init__(self, url: str) -> None:
        self._url = url
        aws.sqs()  # made once here, not by each thread of the pool
        self._pool = ThreadPoolExecutor(aws.CONCURRENCY, thread_name_prefix="queue")

    def send(self, refs: Sequence[InteractionRef]) -> None:
        batches = [refs[start : start + _BATCH] for start in range(0, len(refs), _BATCH)]
        # map() raises the first failure; sending the rest again is harmless.
        for _ in self._pool.map(self._send, batches):
            pass

    def is_empty(self) -> bool:
        """By the queue's own estimate."""
        with aws.reporting("queue"):
            answer = aws.sqs().get_queue_attributes(QueueUrl=self._url, AttributeNames=_DEPTHS)
        return not any(int(answer["Attributes"][depth]) for depth in _DEPTHS)

    def probe(self) -> None:
        self.is_empty()

    def _send(self, refs: Sequence[InteractionRef]) -> None:
        with aws.reporting("queue"):
            answer = aws.sqs().send_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "MessageBody": to_message(ref)}
                    for number, ref in enumerate(refs)
                ],
            )
        if answer.get("Failed"):
            raise UnavailableError("queue")


def to_message(ref: InteractionRef) -> str:
    return json.dumps({"tenant": ref.tenant, "id": ref.id})


def from_message(body: str) -> InteractionRef:
    """Raises ValueError where the body is no such message."""
    message = json.loads(body)
    match message:
        case {"tenant": str(tenant), "id": str(interaction_id)} if is_id(interaction_id):
            return InteractionRef(tenant, interaction_id)
        case _:
            raise ValueError("not an analysis message")
