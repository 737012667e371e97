"""What a tenant may be called."""

import re

TENANT_FORM = "a letter or digit, then up to 63 letters, digits, . _ or -"
"""For people; ``is_tenant`` tells."""
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def is_tenant(name: str) -> bool:
    """Keys of stored items begin with it and ``#``, so it can't hold one."""
    return _TENANT.fullmatch(name) is not None
