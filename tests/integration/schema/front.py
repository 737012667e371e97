"""API Gateway in front of the real handlers, as a WSGI application in this process."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from functions._runner.http_events import Request, Response, http_response, message, proxy_event
from functions._runner.routing import Router
from tests.conftest import LambdaContext
from tests.http_events import ALL_SCOPES, NEVER

TOKEN = "Bearer a-good-one"
TENANT = "acme"
_GRANTED = {
    "tenant": TENANT,
    "subject": "client",
    "scopes": f"{ALL_SCOPES} platform:explain",
    "expires_at": str(NEVER),
}

Handler = Callable[[Any, Any], Any]


@dataclass
class Front:
    """``TOKEN`` is taken for one that the authorizer has verified; all others grant nothing.

    API Gateway would refuse those by itself. Here they go through, so that what functions say to
    whoever gets past it is held against the document too.
    """

    router: Router = field(default_factory=lambda: Router(()))
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    """By function."""

    def __call__(
        self, environ: Mapping[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        answer = self._respond(_request(environ))
        start_response(f"{answer.status} -", list(answer.headers))
        return [answer.body]

    def _respond(self, request: Request) -> Response:
        match = self.router.match(request.method, request.decoded_path)
        if match is None:
            return message(404, "Not Found")
        granted = dict(request.headers).get("authorization") == TOKEN
        event = proxy_event(request, match, _GRANTED if granted else None)
        return http_response(self.handlers[match.route.function.name](event, LambdaContext()))


def _request(environ: Mapping[str, Any]) -> Request:
    """PEP 3333: what is text there is bytes, read as Latin-1."""
    headers = [
        (name.removeprefix("HTTP_").replace("_", "-").lower(), str(value))
        for name, value in environ.items()
        if name.startswith("HTTP_") or (name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value)
    ]
    # Says what the client library can read; the one that calls applications does not decompress.
    headers = [(name, value) for name, value in headers if name != "accept-encoding"]
    return Request(
        method=environ["REQUEST_METHOD"],
        path=quote(environ["PATH_INFO"].encode("latin-1")),
        query=environ["QUERY_STRING"],
        headers=headers,
        body=environ["wsgi.input"].read(),
        client="203.0.113.17",
    )
