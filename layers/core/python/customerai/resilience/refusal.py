"""What is said to a call that was not even tried."""

from customerai.domain.errors import UnavailableError


class RefusedError(UnavailableError):
    """This process refused the call to protect ``part`` or itself; trying again now is no use."""
