"""What the server answers when it cannot answer.

Codes and status are the container's own. On the runtime API's path they come wrapped, as SageMaker
wraps them: see `models.serving.app`.
"""

from __future__ import annotations


class RequestError(Exception):
    """A request that is refused; the message names the field at fault."""

    status = 400
    code = "ValidationError"


class BodyTooLargeError(RequestError):
    """The body is larger than the server reads."""

    status = 413
    code = "PayloadTooLarge"


class OverloadedError(RequestError):
    """As many requests are pending as the server takes on."""

    status = 503
    code = "ServiceUnavailable"
