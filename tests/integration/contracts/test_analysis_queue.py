"""What ``AnalysisQueue`` promises, held against every adapter."""

from datetime import UTC, datetime

import pytest

from customerai.adapters import aws
from customerai.adapters.aws.errors import ServiceError
from customerai.adapters.memory.analysis_queue import MemoryAnalysisQueue
from customerai.adapters.sqs.analysis_queue import SQSAnalysisQueue, from_message, to_message
from customerai.domain.ids import make_id
from customerai.domain.interaction import InteractionRef

NOW = datetime(2026, 11, 23, tzinfo=UTC)
REF = InteractionRef("acme", make_id(NOW, bytes(10)))


class Queue:
    """A queue with its far end; with no URL it is the one in memory."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self.port: MemoryAnalysisQueue | SQSAnalysisQueue = (
            SQSAnalysisQueue(url) if url else MemoryAnalysisQueue()
        )

    async def received(self) -> list[InteractionRef]:
        if isinstance(self.port, MemoryAnalysisQueue):
            return self.port.sent
        found: list[InteractionRef] = []
        request = {"QueueUrl": self._url, "MaxNumberOfMessages": 10}
        while messages := (await aws.sqs().call("ReceiveMessage", request)).get("Messages"):
            found += [from_message(message["Body"]) for message in messages]
        return found


@pytest.fixture(params=["memory", "sqs"])
async def queue(request: pytest.FixtureRequest, moto: None) -> Queue:
    if request.param == "memory":
        return Queue(None)
    answer = await aws.sqs().call("CreateQueue", {"QueueName": "analysis"})
    return Queue(answer["QueueUrl"])


@pytest.mark.parametrize("count", [0, 1, 10, 37])
async def test_everything_sent_arrives(queue: Queue, count: int) -> None:
    refs = [InteractionRef("acme", make_id(NOW, n.to_bytes(10))) for n in range(count)]
    assert await queue.port.is_empty()
    await queue.port.send(refs)
    assert await queue.port.is_empty() == (count == 0)
    received = await queue.received()
    assert sorted(received, key=lambda ref: ref.id) == sorted(refs, key=lambda ref: ref.id)
    await queue.port.probe()


async def test_a_missing_queue_is_told(moto: None) -> None:
    missing = SQSAnalysisQueue("https://sqs.us-east-1.amazonaws.com/123456789012/none")
    with pytest.raises(ServiceError, match="QueueDoesNotExist"):
        await missing.send([REF])
    with pytest.raises(ServiceError, match="QueueDoesNotExist"):
        await missing.probe()


def test_a_message_gives_its_interaction_back() -> None:
    assert from_message(to_message(REF)) == REF


@pytest.mark.parametrize(
    "body",
    [
        "",
        "7",
        "[]",
        "{}",
        '{"tenant": "acme"}',
        '{"tenant": 1, "id": 2}',
        '{"tenant": "acme", "id": "not-an-id"}',
    ],
)
def test_what_is_no_message(body: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting value|not an analysis message"):
        from_message(body)
