"""Whom calls are signed as."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key: str
    secret_key: str
    token: str | None = None


class NoCredentialsError(Exception):
    """Nothing on this machine says whom to sign as."""


CredentialSource = Callable[[], Awaitable[Credentials]]
"""The credentials in force now; asked before each call."""


def credential_source() -> CredentialSource:
    """The environment's keys, where Lambda puts them; elsewhere whatever botocore finds.

    What botocore finds may expire, as a restored snapshot's credentials do, and is refreshed by it.
    """
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        return _Fixed(Credentials(key, secret, os.environ.get("AWS_SESSION_TOKEN")))
    return _Resolved()


@dataclass(frozen=True, slots=True)
class _Fixed:
    credentials: Credentials

    async def __call__(self) -> Credentials:
        return self.credentials


class _Resolved:
    def __init__(self) -> None:
        self._found: Any = None

    async def __call__(self) -> Credentials:
        if self._found is None or self._refresh_needed():
            # Asks files, processes and other machines, so not on the event loop.
            return await asyncio.to_thread(self._frozen)
        return self._frozen()

    def _refresh_needed(self) -> bool:
        needed = getattr(self._found, "refresh_needed", None)
        return bool(needed and needed())

    def _frozen(self) -> Credentials:
        if self._found is None:
            from botocore.session import get_session

            self._found = get_session().get_credentials()
            if self._found is None:
                raise NoCredentialsError("there are no AWS credentials to be found")
        frozen = self._found.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)
