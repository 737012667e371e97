"""Which route of an HTTP API takes a request.

Reference: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from functions._runner.application import Route


@dataclass(frozen=True)
class Match:
    route: Route
    path_parameters: dict[str, str]


class Router:
    """Routes, the narrowest first: whole paths, then `{one}` segment, then a `{greedy+}` end."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._default = next((route for route in routes if route.key == "$default"), None)
        keyed = [route for route in routes if route is not self._default]
        self._patterns = [
            (method, re.compile(_pattern(path), re.DOTALL), route)
            for route in sorted(keyed, key=_breadth)
            for method, path in [route.key.split(" ", 1)]
        ]

    def match(self, method: str, path: str) -> Match | None:
        """The route for a decoded path, or None."""
        for wanted, pattern, route in self._patterns:
            if wanted in ("ANY", method) and (found := pattern.fullmatch(path)):
                return Match(route, {k.removeprefix("_"): v for k, v in found.groupdict().items()})
        return Match(self._default, {}) if self._default else None


def _pattern(path: str) -> str:
    """A regular expression for a route's path; group names get a `_`, as one may be a keyword."""
    parts = re.split(r"(\{\w+\+?\})", path)
    return "".join(
        f"(?P<_{part[1:-1].removesuffix('+')}>{'.+' if part.endswith('+}') else '[^/]+'})"
        if part.startswith("{")
        else re.escape(part)
        for part in parts
    )


def _breadth(route: Route) -> tuple[bool, int, int, bool]:
    """How much a route takes; of two that match the narrower one wins."""
    method, path = route.key.split(" ", 1)
    literal = len(re.sub(r"\{\w+\+?\}", "", path))
    return path.endswith("+}"), path.count("{"), -literal, method == "ANY"
