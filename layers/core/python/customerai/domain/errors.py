"""What can go wrong, in the domain's terms; how each is told to a client is the edge's matter."""


class DomainError(Exception):
    """Base of all errors that a use case may raise on purpose."""


class NotFoundError(DomainError):
    """The thing asked for does not exist, or belongs to another tenant."""


class InvalidParameterError(DomainError):
    """A parameter that no schema could reject; ``field`` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class IdempotencyKeyReusedError(DomainError):
    """The key was used before, for another request."""


class VersionConflictError(DomainError):
    """The thing is no longer what the client thinks it is changing."""


class ConflictError(DomainError):
    """What there is now does not allow it, such as as many of these as a tenant may have."""


class UnavailableError(DomainError):
    """A part that this request needs does not answer in time; asking again later may help."""

    def __init__(self, part: str, retry_after: int = 1) -> None:
        super().__init__(f"{part} is unavailable")
        self.part = part
        self.retry_after = retry_after


class DeadlineExceededError(DomainError):
    """The client itself did not want to wait any longer; no part has failed."""


class ModelRejectedError(DomainError):
    """The model refuses this input; asking again will not help."""
