"""The bodies of requests and responses, in JSON and in MessagePack: the same shape in both."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec

from customerai.domain import taxonomy
from models.serving.errors import MediaTypeError, NotAcceptableError, RequestError
from models.serving.tickets import Priority

MOST_TEXTS = 128
MOST_CHARACTERS = 10_000

JSON = "application/json"
MSGPACK = "application/msgpack"

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
"""The header that SageMaker passes on, unread, from its client to the container and back."""

Include = Literal["aspects", "topics", "intent", "urgency", "language"]
Tier = Literal["full", "fast", "static", "cascade"]
Texts = Annotated[
    list[Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_CHARACTERS)]],
    msgspec.Meta(min_length=1, max_length=MOST_TEXTS),
]


class TopicBody(msgspec.Struct, forbid_unknown_fields=True):
    """One topic of the tenant's taxonomy."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=taxonomy.MAX_TOPIC_ID)]
    label: Annotated[str, msgspec.Meta(min_length=1, max_length=taxonomy.MAX_LABEL)]
    examples: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=taxonomy.MAX_EXAMPLE)]],
        msgspec.Meta(max_length=taxonomy.MAX_EXAMPLES),
    ] = []


class AnalyseBody(msgspec.Struct, forbid_unknown_fields=True):
    """What `/invocations` takes."""

    texts: Texts
    tier: Tier = "full"
    include: frozenset[Include] = frozenset()
    topics: (
        Annotated[list[TopicBody], msgspec.Meta(min_length=1, max_length=taxonomy.MAX_TOPICS)]
        | None
    ) = None


class TextsBody(msgspec.Struct, forbid_unknown_fields=True):
    """What `/models/{name}/invocations` takes."""

    texts: Texts


_Shape = type[AnalyseBody] | type[TextsBody]
_decoders: dict[tuple[str, _Shape], Any] = {
    (JSON, AnalyseBody): msgspec.json.Decoder(AnalyseBody),
    (JSON, TextsBody): msgspec.json.Decoder(TextsBody),
    (MSGPACK, AnalyseBody): msgspec.msgpack.Decoder(AnalyseBody),
    (MSGPACK, TextsBody): msgspec.msgpack.Decoder(TextsBody),
}
_encode = {JSON: msgspec.json.Encoder().encode, MSGPACK: msgspec.msgpack.Encoder().encode}

_AT = re.compile(r" - at `\$\.?(.*)`$")
_NAMED = re.compile(r"^Object (missing required|contains unknown) field `([^`]*)`")
_ATTRIBUTE = re.compile(r"(?:^|[,;\s])(timeout-ms|priority)=([^,;\s]*)")


def read_analysis(body: bytes, content_type: str | None) -> AnalyseBody:
    """Return what a body of `/invocations` asks for.

    Raises:
        RequestError: it asks for something else; the message names the field.
        MediaTypeError: it is neither JSON nor MessagePack.
    """
    asked: AnalyseBody = _read(body, content_type, AnalyseBody)
    if asked.topics is None and "topics" in asked.include:
        raise RequestError("topics: required where topics are included")
    if asked.topics is not None and "topics" not in asked.include:
        raise RequestError("topics: only where topics are included")
    return asked


def read_texts(body: bytes, content_type: str | None) -> list[str]:
    """Return the texts in a body of `/models/{name}/invocations`; raises as `read_analysis`."""
    asked: TextsBody = _read(body, content_type, TextsBody)
    return asked.texts


def write(content: Any, media_type: str) -> bytes:
    """Return a response's body in a format of `answer_type`."""
    return _encode[media_type](content)


def answer_type(accept: str | None) -> str:
    """Return the format for the response: the first one named that the server writes.

    Raises:
        NotAcceptableError: the client takes neither JSON nor MessagePack.
    """
    if accept is None or accept == JSON:
        return JSON
    for entry in accept.split(","):
        media_type, *parameters = (part.strip().lower() for part in entry.split(";"))
        if any(re.fullmatch(r"q=0(\.0*)?", parameter) for parameter in parameters):
            continue
        if media_type in {JSON, "*/*", "application/*", ""}:
            return JSON
        if media_type == MSGPACK:
            return MSGPACK
    raise NotAcceptableError(f"Accept: must allow {JSON} or {MSGPACK}")


def read_attributes(attributes: str | None, most: float) -> tuple[float, Priority]:
    """Return the seconds that the client gives, `most` by default, and the request's priority.

    Both are attributes like `timeout-ms=2000,priority=batch`, in any order; others are not for this
    server. Where one is given twice the first counts.

    Raises:
        RequestError: `timeout-ms` is no number of milliseconds from 1 to `most`, or there is no
            such priority.
    """
    if not attributes:
        return most, Priority.STANDARD
    found = dict(reversed(_ATTRIBUTE.findall(attributes)))
    timeout, priority = found.get("timeout-ms"), found.get("priority")
    return (
        most if timeout is None else _seconds(timeout, most),
        Priority.STANDARD if priority is None else _priority(priority),
    )


def _seconds(text: str, most: float) -> float:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text[:9]) <= most * 1000:
        raise RequestError(
            f"{ATTRIBUTES}: timeout-ms must be a whole number"
            f" of milliseconds from 1 to {most * 1000:.0f}"
        )
    return int(text) / 1000


def _priority(text: str) -> Priority:
    try:
        return Priority(text)
    except ValueError:
        message = f"{ATTRIBUTES}: priority must be one of {', '.join(Priority)}"
        raise RequestError(message) from None


def _read(body: bytes, content_type: str | None, shape: _Shape) -> Any:
    media_type = JSON if content_type is None else content_type.split(";")[0].strip().lower()
    decoder = _decoders.get((media_type, shape))
    if decoder is None:
        raise MediaTypeError(f"Content-Type: must be {JSON} or {MSGPACK}")
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise RequestError(_told(str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        kind = "JSON" if media_type == JSON else "MessagePack"
        raise RequestError(f"body: not valid {kind} ({error})") from error


def _told(message: str) -> str:
    """A validation error with the field first, as all messages of this server have it."""
    found = _AT.search(message)
    path = found[1] if found else ""
    what = message[: found.start()] if found else message
    if named := _NAMED.match(what):
        field = f"{path}.{named[2]}" if path else named[2]
        return f"{field}: {'is required' if named[1].startswith('missing') else 'unknown field'}"
    return f"{path or 'body'}: {what[0].lower()}{what[1:]}"
