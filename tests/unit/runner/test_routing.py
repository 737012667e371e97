from __future__ import annotations

import pytest

from functions._runner.application import Function, Route
from functions._runner.routing import Router

_FUNCTION = Function("f", "f", "f.handler", {}, 3, 128)


def router(*keys: str) -> Router:
    return Router([Route(key, _FUNCTION, None, 30) for key in keys])


@pytest.mark.parametrize(
    ("method", "path", "key", "parameters"),
    [
        ("GET", "/items", "GET /items", {}),
        ("POST", "/items", "ANY /items", {}),
        ("GET", "/items/7", "GET /items/{id}", {"id": "7"}),
        ("GET", "/items/latest", "GET /items/latest", {}),
        ("DELETE", "/items/7", "ANY /items/{proxy+}", {"proxy": "7"}),
        ("GET", "/items/7/parts", "ANY /items/{proxy+}", {"proxy": "7/parts"}),
        ("GET", "/items/7/parts/a b\n", "ANY /items/{proxy+}", {"proxy": "7/parts/a b\n"}),
        ("GET", "/items/deep/er", "ANY /items/deep/{proxy+}", {"proxy": "er"}),
        ("GET", "/class/x", "GET /class/{class}", {"class": "x"}),
        ("GET", "/itemsx", None, {}),
        ("GET", "/a.b", "GET /a.b", {}),
        ("GET", "/axb", None, {}),
        ("GET", "/items/", None, {}),
    ],
)
def test_the_narrowest_route_takes_a_request(
    method: str, path: str, key: str | None, parameters: dict[str, str]
) -> None:
    keys = [
        "ANY /items/{proxy+}",
        "ANY /items",
        "GET /items/{id}",
        "GET /items",
        "GET /items/latest",
        "ANY /items/deep/{proxy+}",
        "GET /class/{class}",
        "GET /a.b",
    ]
    for order in (keys, keys[::-1]):
        match = router(*order).match(method, path)
        assert (match and match.route.key) == key
        assert match is None or match.path_parameters == parameters


def test_the_default_route_takes_what_no_other_does() -> None:
    routes = router("$default", "GET /items")
    default, items = routes.match("GET", "/other"), routes.match("GET", "/items")
    assert default is not None
    assert items is not None
    assert (default.route.key, items.route.key) == ("$default", "GET /items")
