"""The token that stands in for a password, beside the one that botocore's own signer makes."""

import datetime as dt
from urllib.parse import parse_qs, urlsplit

import botocore.auth
import botocore.session
import pytest
from botocore.model import ServiceId
from botocore.signers import RequestSigner

from customerai.adapters.redis.iam import IamCredentials
from customerai.adapters.redis.pools import CachePools


@pytest.fixture(autouse=True)
def _at_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = dt.datetime(2026, 5, 4, 3, 2, 1, tzinfo=dt.UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: moment)


def presigned(url: str) -> str:
    session = botocore.session.get_session()
    credentials = session.get_credentials()
    assert credentials is not None
    signer = RequestSigner(
        ServiceId("elasticache"),
        "eu-west-1",
        "elasticache",
        "v4",
        credentials,
        session.get_component("event_emitter"),
    )
    request = {"method": "GET", "url": url, "body": {}, "headers": {}, "context": {}}
    return str(signer.generate_presigned_url(request, "connect", 900, "eu-west-1"))


@pytest.mark.parametrize("session_token", [None, "a/session+token=="])
async def test_it_is_what_botocore_signs_without_the_scheme(
    session_token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if session_token is not None:
        monkeypatch.setenv("AWS_SESSION_TOKEN", session_token)
    expected = presigned("https://the-cache/?Action=connect&User=functions")
    credentials = IamCredentials("the-cache", "functions", "eu-west-1")
    user, token = await credentials.get_credentials_async()
    assert (user, f"https://{token}") == ("functions", expected)
    query = parse_qs(urlsplit(expected).query)
    assert query["X-Amz-Expires"] == ["900"]
    assert query.get("X-Amz-Security-Token") == ([session_token] if session_token else None)


def test_names_are_escaped() -> None:
    _, token = IamCredentials("cache", "a&b=c", "eu-west-1").get_credentials()
    assert parse_qs(urlsplit(f"https://{token}").query)["User"] == ["a&b=c"]


def test_the_identity_is_the_addresss_user() -> None:
    address = "rediss://functions@master.cache.abc.euw1.cache.amazonaws.com:6379"
    pools = CachePools(address, iam_name="cache", region="eu-west-1")
    assert pools._credentials is not None
    user, token = pools._credentials.get_credentials()
    assert user == "functions"
    assert token.startswith("cache/?Action=connect&User=functions&")
