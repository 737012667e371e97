"""A lean client of AWS's JSON and REST services, for what is called often or from cold.

It knows no service's model: whoever calls writes the request as the service's own documentation
has it, and gets the answer as it came. Everything else goes through pynamodb or botocore.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from customerai.adapters.aws.credentials import CredentialSource, credential_source
from customerai.adapters.aws.errors import ServiceError, TransportError
from customerai.adapters.aws.signing import signed
from customerai.adapters.aws.transport import Answer, Pool
from customerai.resilience import deadline
from customerai.resilience.retries import Retries

_ENCODER = msgspec.json.Encoder()
_ANY: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Protocol:
    """How operations of a JSON service are named: AWS JSON 1.0 or 1.1, and the prefix."""

    content_type: str
    target: str


@dataclass(frozen=True, slots=True)
class ServiceClient:
    """One service in one region; an attempt takes ``attempt_seconds`` at the most.

    All of a call's attempts end by the deadline of whoever calls.
    """

    name: str
    """As signatures have it."""
    region: str
    pool: Pool
    retries: Retries
    attempt_seconds: float
    protocol: Protocol = Protocol("application/json", "")
    credentials: CredentialSource = field(default_factory=credential_source)

    async def call(
        self,
        operation: str,
        request: Mapping[str, Any],
        decoder: "msgspec.json.Decoder[Any]" = _ANY,
    ) -> Any:
        """What a JSON service answers, decoded. Raises ``ServiceError`` or ``TransportError``."""
        protocol = self.protocol
        answer = await self.send(
            "/",
            _ENCODER.encode(request),
            lambda: {
                "content-type": protocol.content_type,
                "x-amz-target": f"{protocol.target}.{operation}",
            },
        )
        try:
            return decoder.decode(answer.body)
        except msgspec.DecodeError as error:
            raise TransportError("an answer that can't be read") from error

    async def send(self, path: str, body: bytes, headers: Callable[[], dict[str, str]]) -> Answer:
        """POST ``body``, trying again what may work the next time; ``headers`` are made anew then.

        ``path`` holds nothing that would have to be escaped. Raises as ``call`` does.
        """
        return await self.retries.call(lambda: self._attempt(path, body, headers()))

    async def _attempt(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        async with deadline.timeout(self.name):
            credentials = await self.credentials()
        request = signed(
            "POST",
            path,
            {"host": self.pool.origin.host, **headers},
            body,
            credentials=credentials,
            service=self.name,
            region=self.region,
            now=time.time(),
        )
        seconds = min(self.attempt_seconds, deadline.remaining())
        answer = await self.pool.ask(request, seconds)
        if answer.status >= 300:
            raise _error(answer)
        return answer


def _error(answer: Answer) -> ServiceError:
    try:
        content = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        content = {}
    if not isinstance(content, dict):
        content = {}
    # Both are written as `namespace#Code:address`, with either part around the code left out.
    named = answer.headers.get("x-amzn-errortype") or str(content.get("__type", ""))
    code = named.partition(":")[0].rpartition("#")[2] or f"HTTP{answer.status}"
    message = content.get("message") or content.get("Message") or ""
    return ServiceError(code, answer.status, str(message), content)
