"""Connecting to ElastiCache as an IAM identity.

The password is a request to ``connect`` that is signed but never sent, without its scheme:
https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
"""

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from botocore.credentials import Credentials, ReadOnlyCredentials

VALID_SECONDS = 900
"""The longest that ElastiCache takes. A connection outlives it: only its first command shows it."""


class IamCredentials:
    """redis-py's credential provider: ``user`` and a new token for every connection.

    ``name`` is the replication group's, in lower case. The token is signed by whatever credentials
    botocore finds.
    """

    def __init__(self, name: str, user: str, region: str) -> None:
        self._name = name
        self._user = user
        self._region = region
        self._credentials: Credentials | None = None

    def get_credentials(self) -> tuple[str, str]:
        """Raises ``PermissionError`` where there are no credentials to sign with."""
        from botocore.auth import SigV4QueryAuth
        from botocore.awsrequest import AWSRequest

        query = {"Action": "connect", "User": self._user}
        request = AWSRequest("GET", f"https://{self._name}/?{urlencode(query)}")
        signer = SigV4QueryAuth(self._keys(), "elasticache", self._region, VALID_SECONDS)
        signer.add_auth(request)
        return self._user, str(request.url).removeprefix("https://")

    async def get_credentials_async(self) -> tuple[str, str]:
        # On a thread: credentials may have to be fetched, and botocore imported.
        return await asyncio.to_thread(self.get_credentials)

    def _keys(self) -> "ReadOnlyCredentials":
        """Kept by botocore, which fetches new ones when these are about to expire."""
        from botocore.exceptions import BotoCoreError
        from botocore.session import get_session

        try:
            self._credentials = self._credentials or get_session().get_credentials()
            if self._credentials is not None:
                return self._credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise PermissionError("credentials for the cache could not be fetched") from error
        raise PermissionError("there are no credentials to connect to the cache with")
