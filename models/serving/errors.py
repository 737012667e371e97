"""What the server answers when it cannot answer.

Codes and status are the container's own. On the runtime API's path they come wrapped, as SageMaker
wraps them: see `models.serving.app`.
"""

from __future__ import annotations


class RequestError(Exception):
    """A request that is refused; the message names the field at fault."""

    status = 400
    code = "ValidationError"
    retry_seconds: int | None = None
    """What the header Retry-After says, where the client should come back."""


class NotFoundError(RequestError):
    """No such path, or no such model."""

    status = 404
    code = "NotFound"


class NotAcceptableError(RequestError):
    """The client takes none of the formats that the server writes."""

    status = 406
    code = "NotAcceptable"


class BodyTooLargeError(RequestError):
    """The body is larger than the server reads."""

    status = 413
    code = "PayloadTooLarge"


class MediaTypeError(RequestError):
    """The body is in a format that the server does not read."""

    status = 415
    code = "UnsupportedMediaType"


class GreedyClientError(RequestError):
    """This client's own requests fill the queue while others wait too: it should slow down."""

    status = 429
    code = "TooManyRequests"


class NotServedError(RequestError):
    """This server was started without the model that the request names."""

    status = 501
    code = "NotServed"


class OverloadedError(RequestError):
    """The server is full, cannot be in time, or is shutting down: come back later."""

    status = 503
    code = "ServiceUnavailable"


class DeadlineError(RequestError):
    """The request was taken on and its deadline passed before it was answered."""

    status = 504
    code = "DeadlineExceeded"

    def __init__(self) -> None:
        super().__init__("the deadline passed before the answer was there")


class ModelFailedError(RequestError):
    """The model failed on the request; what happened is in the server's log."""

    status = 500
    code = "InternalFailure"
