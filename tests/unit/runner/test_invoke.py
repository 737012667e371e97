"""Which answers of a handler tell of a failure."""

from typing import Any

import pytest

from functions._runner.invoke import has_failed


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"statusCode": 200}, False),
        ({"statusCode": 404}, False),
        ({"statusCode": 500}, True),
        ({"statusCode": 503}, True),
        ({"statusCode": "none"}, True),
        ({"batchItemFailures": [], "state": {}}, False),
        ({"batchItemFailures": [{"itemIdentifier": "1"}]}, True),
        ({"isAuthorized": False}, False),
        ({"swept": 1}, False),
        (None, False),
    ],
)
def test_what_a_caller_would_take_for_a_failure(answer: Any, expected: bool) -> None:
    assert has_failed(answer) is expected
