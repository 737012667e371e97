"""AWS Signature Version 4, for requests whose body is at hand.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import time
from functools import lru_cache
from hashlib import sha256
from hmac import digest

from customerai.adapters.aws.credentials import Credentials

_ALGORITHM = "AWS4-HMAC-SHA256"


def signed(
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    *,
    credentials: Credentials,
    service: str,
    region: str,
    now: float,
) -> bytes:
    """The whole HTTP/1.1 request. ``path`` is encoded and has no query; ``now`` is Unix seconds.

    ``headers`` are in lower case, with the host among them; all are signed.
    """
    moment = _moment(int(now))
    day = moment[:8]
    headers["x-amz-date"] = moment
    if credentials.token:
        headers["x-amz-security-token"] = credentials.token
    names = sorted(headers)
    lines = "".join([f"{name}:{headers[name]}\n" for name in names])
    joined = ";".join(names)
    canonical = f"{method}\n{path}\n\n{lines}\n{joined}\n{sha256(body).hexdigest()}"
    scope = f"{day}/{region}/{service}/aws4_request"
    to_sign = f"{_ALGORITHM}\n{moment}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    key = _signing_key(credentials.secret_key, day, region, service)
    signature = digest(key, to_sign.encode(), "sha256").hex()
    head = (
        f"{method} {path} HTTP/1.1\r\n"
        + "".join([f"{name}: {headers[name]}\r\n" for name in names])
        + f"content-length: {len(body)}\r\n"
        f"authorization: {_ALGORITHM} Credential={credentials.access_key}/{scope}, "
        f"SignedHeaders={joined}, Signature={signature}\r\n\r\n"
    )
    return head.encode("latin-1") + body


@lru_cache(maxsize=2)
def _moment(seconds: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


@lru_cache(maxsize=16)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """Good for a day; derived from the secret by four digests."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = digest(key, part.encode(), "sha256")
    return key
