"""Signatures, held against botocore's own."""

from datetime import UTC, datetime
from unittest.mock import patch

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from customerai.adapters.aws.credentials import Credentials
from customerai.adapters.aws.signing import signed

WORDS = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789/+=", min_size=1, max_size=60)
NAMES = st.from_regex(r"\A[a-z][a-z-]{0,20}[a-z]\Z").filter(
    lambda name: name not in ("host", "authorization", "expect", "user-agent", "transfer-encoding")
)
VALUES = st.from_regex(r"\A[!-~]([ -~]{0,30}[!-~])?\Z").filter(lambda value: "  " not in value)
MOMENTS = st.integers(1_577_836_800, 2_208_988_800).map(lambda at: datetime.fromtimestamp(at, UTC))


def parts(request: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    return dict(line.split(": ", 1) for line in lines[1:]), body


@given(
    WORDS,
    WORDS,
    st.none() | WORDS,
    st.dictionaries(NAMES, VALUES, max_size=4),
    st.binary(),
    MOMENTS,
)
def test_botocore_signs_alike(
    access: str,
    secret: str,
    token: str | None,
    more: dict[str, str],
    body: bytes,
    moment: datetime,
) -> None:
    headers = {"host": "dynamodb.eu-west-1.amazonaws.com"} | more
    request = signed(
        "POST",
        "/",
        dict(headers),
        body,
        credentials=Credentials(access, secret, token),
        service="dynamodb",
        region="eu-west-1",
        now=moment.timestamp(),
    )
    theirs = AWSRequest("POST", "https://dynamodb.eu-west-1.amazonaws.com/", dict(headers), body)
    with patch("botocore.auth.get_current_datetime", return_value=moment):
        SigV4Auth(BotocoreCredentials(access, secret, token), "dynamodb", "eu-west-1").add_auth(
            theirs
        )
    mine, sent = parts(request)
    assert sent == body
    assert mine["content-length"] == str(len(body))
    assert mine["authorization"] == theirs.headers["Authorization"]
    assert mine["x-amz-date"] == theirs.headers["X-Amz-Date"]


def test_the_path_is_signed() -> None:
    def signature(path: str) -> str:
        request = signed(
            "POST",
            path,
            {"host": "h"},
            b"",
            credentials=Credentials("a", "s"),
            service="sagemaker",
            region="eu-west-1",
            now=0,
        )
        return parts(request)[0]["authorization"]

    assert signature("/endpoints/a/invocations") != signature("/endpoints/b/invocations")
