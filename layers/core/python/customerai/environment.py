"""Settings from the environment: one frozen dataclass a function, a variable for each field."""

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

_Settings = TypeVar("_Settings")


def read_environment(
    settings: type[_Settings], environment: Mapping[str, str] = os.environ
) -> _Settings:
    """``settings`` with each field read from the variable of its upper-case name.

    Raises ``LookupError`` that names every variable that is missing, ``ValueError`` for one that is
    not of its field's type (str, int or float).
    """
    names: dict[str, Any] = {each.name: each.type for each in fields(settings)}  # type: ignore[arg-type]
    missing = [name.upper() for name in names if name.upper() not in environment]
    if missing:
        raise LookupError(f"the environment lacks {', '.join(missing)}")
    return settings(**{name: kind(environment[name.upper()]) for name, kind in names.items()})
