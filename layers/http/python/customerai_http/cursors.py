"""Signed cursors: where a list goes on, for one tenant and one set of filters only."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Awaitable, Callable

from customerai.domain.errors import InvalidParameterError

_SIGNATURE_BYTES = 16


class Cursors:
    """``secret`` is asked for when the first cursor is made or read, not before."""

    def __init__(self, secret: Callable[[], Awaitable[bytes]]) -> None:
        self._secret = secret

    async def sign(self, binding: str, position: str) -> str:
        """An opaque cursor for ``position``; ``binding`` is all that it is good for."""
        signed = await self._signature(binding, position) + position.encode()
        return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()

    async def verify(self, binding: str, cursor: str) -> str:
        """The position. Raises ``InvalidParameterError`` for any other binding or a forgery."""
        try:
            signed = base64.urlsafe_b64decode(cursor.encode("ascii") + b"==")
            signature, position = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:].decode()
        except (binascii.Error, ValueError):
            raise InvalidParameterError("cursor", "is not a cursor of this list") from None
        if not hmac.compare_digest(signature, await self._signature(binding, position)):
            raise InvalidParameterError("cursor", "is not a cursor of this list")
        return position

    async def _signature(self, binding: str, position: str) -> bytes:
        message = f"{len(binding)}:{binding}{position}".encode()
        return hmac.digest(await self._secret(), message, hashlib.sha256)[:_SIGNATURE_BYTES]
