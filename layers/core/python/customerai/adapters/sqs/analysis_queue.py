"""What is to be analysed, on an SQS queue: one message an interaction, sent ten at a time."""

import json
from collections.abc import Sequence

from customerai.adapters import aws
from customerai.adapters.aws.errors import reporting
from customerai.domain.errors import UnavailableError
from customerai.domain.ids import is_id
from customerai.domain.interaction import InteractionRef
from customerai.resilience.fan_out import fan_out

_BATCH = 10
"""Messages that one SendMessageBatch takes."""

_DEPTHS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]


class SQSAnalysisQueue:
    """``customerai.ports.AnalysisQueue``."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def send(self, refs: Sequence[InteractionRef]) -> None:
        batches = [refs[start : start + _BATCH] for start in range(0, len(refs), _BATCH)]
        # The first failure ends it; sending all of it again is harmless.
        await fan_out(self._send, batches, limit=aws.CONCURRENCY)

    async def is_empty(self) -> bool:
        """By the queue's own estimate."""
        with reporting("queue"):
            answer = await aws.sqs().call(
                "GetQueueAttributes", {"QueueUrl": self._url, "AttributeNames": _DEPTHS}
            )
        return not any(int(answer["Attributes"][depth]) for depth in _DEPTHS)

    async def probe(self) -> None:
        await self.is_empty()

    async def _send(self, refs: Sequence[InteractionRef]) -> None:
        entries = [
            {"Id": str(number), "MessageBody": to_message(ref)} for number, ref in enumerate(refs)
        ]
        with reporting("queue"):
            answer = await aws.sqs().call(
                "SendMessageBatch", {"QueueUrl": self._url, "Entries": entries}
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
