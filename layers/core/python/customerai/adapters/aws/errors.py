"""How a call of a service fails, and what of that the domain is told."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from customerai.domain.errors import UnavailableError
from customerai.resilience.refusal import RefusedError

TRANSIENT_CODES = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "ServiceUnavailable",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""Error codes after which the same call may work."""

_LATER_STATUSES = frozenset({408, 429})


class TransportError(Exception):
    """Not reached, cut off, or not answered in time: nobody knows what the service did."""


class ServiceError(Exception):
    """The service refused; ``content`` is all that it said."""

    def __init__(self, code: str, status: int, message: str, content: Mapping[str, Any]) -> None:
        super().__init__(f"{code} ({status}): {message}")
        self.code = code
        self.status = status
        self.content = content


CONDITION_FAILED = "ConditionalCheckFailedException"
TRANSACTION_CANCELLED = "TransactionCanceledException"


def is_transient(error: BaseException | None) -> bool:
    """Whether the same call may work later: throttled, cut off, timed out, not reached, 5xx."""
    if isinstance(error, ServiceError):
        return (
            error.code in TRANSIENT_CODES or error.status in _LATER_STATUSES or error.status >= 500
        )
    return isinstance(error, TransportError)


@contextmanager
def reporting(part: str) -> Iterator[None]:
    """Tell in the domain's terms that a part is unavailable, once the client's retries are spent.

    Anything else is a mistake of ours, and goes through as it is.
    """
    try:
        yield
    except (ServiceError, TransportError) as error:
        if not is_transient(error):
            raise
        raise UnavailableError(part) from error
    except RefusedError as error:
        raise RefusedError(part, error.retry_after) from error
    except UnavailableError as error:  # the client names the service
        raise UnavailableError(part) from error
