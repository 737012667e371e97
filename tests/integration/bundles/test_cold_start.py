"""The Runtime API that cold starts are measured with, and the meter in front of the database."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from tests.performance.api.bundles import lambda_environment
from tests.performance.api.figures import MeasurementError
from tests.performance.api.meter import Meter, Reading
from tests.performance.api.runtime import Start, first_response
from tests.performance.api.subject import bare

CODE = """
def handler(event, context):
    if event["fail"]:
        raise ValueError("this is what went wrong")
    return {"seconds": context.get_remaining_time_in_millis() // 1_000}
"""


def start(task: Path, client: Path, *, fail: bool) -> Start:
    (task / "function_code.py").write_text(CODE)
    python = bare(task, client)
    handler = "function_code.handler"
    command = (str(python.path), *python.options, "-m", "awslambdaric", handler)
    environment = lambda_environment(python, task, handler, {})
    return first_response(command, environment, task, {"fail": fail}, 60.0, task / "start.log")


def test_a_start_ends_with_the_first_response(client: Path, tmp_path: Path) -> None:
    found = start(tmp_path, client, fail=False)
    assert 55 <= found.answer["seconds"] <= 60
    assert found.cpu > 0
    assert found.wall > 0


def test_a_function_that_fails_is_no_start(client: Path, tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match="this is what went wrong"):
        start(tmp_path, client, fail=True)


def test_the_meter_reads_what_the_database_counts(dynoxide_url: str) -> None:
    """A read of 9 KB takes 3 units where it is consistent, and half of that where not."""
    with Meter(dynoxide_url) as meter:
        table = boto3.resource("dynamodb", endpoint_url=meter.url).create_table(
            TableName="metered",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        table.put_item(Item={"pk": "a", "text": "x" * 9_000})
        meter.take()
        answer = table.get_item(Key={"pk": "a"}, ConsistentRead=True)
        assert "ConsumedCapacity" not in answer
        assert meter.take() == Reading(calls=1, units=3.0, scanned=1, returned=1)
        assert "ConsumedCapacity" in table.scan(ReturnConsumedCapacity="TOTAL")
        assert meter.take() == Reading(calls=1, units=1.5, scanned=1, returned=1)
