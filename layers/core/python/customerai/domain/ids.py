"""Interaction ids: 26 characters of Crockford base 32 that sort by time.

The layout is ULID's (https://github.com/ulid/spec): 48 bits of Unix milliseconds, then 80 bits that
tell ids of one millisecond apart. Those bits are random, or derived from the client's idempotency
key, so that a repeated request makes the same id.
"""

import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta

LENGTH = 26
MOST_AHEAD = timedelta(days=1)
"""How far an id's instant may lie ahead of the clock of whoever takes the interaction in."""
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_ENTROPY_BYTES = 10


def make_id(instant: datetime, entropy: bytes) -> str:
    """The id of ``instant`` (aware, not before 1970) with 10 bytes of ``entropy``."""
    if len(entropy) != _ENTROPY_BYTES:
        raise ValueError(f"entropy is {_ENTROPY_BYTES} bytes, not {len(entropy)}")
    return _encode(_milliseconds(instant) << 80 | int.from_bytes(entropy))


def random_entropy() -> bytes:
    return secrets.token_bytes(_ENTROPY_BYTES)


def keyed_entropy(tenant: str, idempotency_key: str, fingerprint: str, index: int) -> bytes:
    """Bits that depend on nothing but who asked for what, with which key, at which place of it."""
    identity = json.dumps([tenant, idempotency_key, fingerprint, index]).encode()
    return hashlib.sha256(identity).digest()[:_ENTROPY_BYTES]


def is_id(value: str) -> bool:
    """Whether it has the form of an id, and its instant lies within the calendar."""
    return len(value) == LENGTH and value < _END and all(c in _VALUES for c in value)


def instant_of(interaction_id: str) -> datetime:
    """The instant inside an id, in UTC with millisecond precision."""
    return _EPOCH + (_decode(interaction_id) >> 80) * _MILLISECOND


def first_id_at(instant: datetime) -> str:
    """The smallest id whose instant is not before ``instant``: a bound for key ranges."""
    ceiling = -((_EPOCH - instant) // _MILLISECOND)
    return _encode(max(ceiling, 0) << 80)


def id_before(interaction_id: str) -> str:
    """The greatest id below this one: turns an open bound into a closed one."""
    return _encode(max(_decode(interaction_id) - 1, 0))


def truncate(instant: datetime) -> datetime:
    """``instant`` in UTC at the precision that ids keep (milliseconds, rounded down)."""
    return _EPOCH + _milliseconds(instant) * _MILLISECOND


def _milliseconds(instant: datetime) -> int:
    milliseconds = (instant - _EPOCH) // _MILLISECOND
    if milliseconds < 0:
        raise ValueError("ids start in 1970")
    return milliseconds


def _encode(number: int) -> str:
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def _decode(interaction_id: str) -> int:
    number = 0
    for character in interaction_id:
        number = number << 5 | _VALUES[character]
    return number


_END = _encode((_milliseconds(datetime.max.replace(tzinfo=UTC)) + 1) << 80)
