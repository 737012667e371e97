"""The code that ships, as syntax trees: what it reads, and who imports what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tests.conftest import ROOT

_SHIPPED = ("layers/core/python", "layers/http/python", "layers/static/python", "functions")
_LOCAL = ("functions/_runner", "functions/__main__.py")
"""What runs the platform on a developer's machine, and never in AWS."""


@dataclass(frozen=True)
class Source:
    path: str
    tree: ast.Module

    def calls(self, *names: str) -> Iterator[ast.Call]:
        """Calls of these functions or methods, whatever they are called on."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and name_of(node.func) in names:
                yield node

    def texts(self) -> Iterator[str]:
        """Every piece of text in it, f-strings' parts included."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value

    def imports(self) -> Iterator[str]:
        """Dotted names of the modules, and of what is taken from them."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def shipped() -> tuple[Source, ...]:
    paths = [path for folder in _SHIPPED for path in sorted((ROOT / folder).rglob("*.py"))]
    names = {path: path.relative_to(ROOT).as_posix() for path in paths}
    return tuple(
        Source(name, ast.parse(path.read_text("utf-8")))
        for path, name in names.items()
        if not name.startswith(_LOCAL)
    )


def name_of(function: ast.expr) -> str:
    """The last part: ``call`` of ``aws.dynamodb().call``."""
    if isinstance(function, ast.Subscript):
        function = function.value
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
