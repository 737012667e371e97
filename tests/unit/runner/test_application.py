from __future__ import annotations

import copy
from typing import Any

import pytest

from functions._runner.application import Application, read_application
from functions._runner.assembly import Assembly, TemplateError
from tests.unit.runner.conftest import DATA, SERVICE


@pytest.fixture
def application(assembly: Assembly) -> Application:
    return read_application(assembly)


def changed(logical_id: str, **properties: Any) -> Assembly:
    service = copy.deepcopy(SERVICE)
    service["Resources"][logical_id]["Properties"] |= properties
    return Assembly({"data": DATA, "service": service}, "http://queues")


def test_functions_are_known_by_their_folder(application: Application) -> None:
    assert set(application.functions) == {"orders_api", "guard", "watcher", "sweeper"}
    orders = application.functions["orders_api"]
    assert orders.environment == {"TABLE": "shop-orders"}
    assert (orders.timeout, orders.memory) == (7.0, 256)
    assert orders.arn == "arn:aws:lambda:us-east-1:000000000000:function:shop-orders_api"


def test_routes_have_their_function_and_authorizer(application: Application) -> None:
    guarded, health = application.routes
    assert (guarded.key, guarded.function.name, guarded.timeout) == (
        "ANY /orders/{proxy+}",
        "orders_api",
        30.0,
    )
    assert guarded.authorizer is not None
    assert guarded.authorizer.function.name == "guard"
    assert guarded.authorizer.identity_sources == ("$request.header.Authorization",)
    assert guarded.authorizer.ttl == 0
    assert health.authorizer is None


def test_the_stream_mapping(application: Application) -> None:
    (mapping,) = application.stream_mappings
    assert (mapping.function.name, mapping.table) == ("watcher", "shop-orders")
    assert (mapping.batch_size, mapping.retries, mapping.window) == (20, 3, 1)
    assert mapping.max_age == 3600
    assert (mapping.bisect, mapping.reports_failures) == (True, True)
    assert mapping.on_failure_bucket == "data-lost"
    # The function may write to the same bucket.
    assert mapping.function.environment["DEAD_RECORDS_BUCKET"] == mapping.on_failure_bucket


def test_a_stream_mapping_that_says_nothing_retries_without_end() -> None:
    service = copy.deepcopy(SERVICE)
    properties = service["Resources"]["WatcherMapping"]["Properties"]
    for name in ("MaximumRetryAttempts", "MaximumRecordAgeInSeconds"):
        del properties[name]
    (mapping,) = read_application(
        Assembly({"data": DATA, "service": service}, "http://queues")
    ).stream_mappings
    assert (mapping.retries, mapping.max_age) == (-1, -1)


def test_a_stream_mapping_may_say_without_end() -> None:
    changes = {"MaximumRetryAttempts": -1, "MaximumRecordAgeInSeconds": 82800}
    (mapping,) = read_application(changed("WatcherMapping", **changes)).stream_mappings
    assert (mapping.retries, mapping.max_age) == (-1, 82800)


def test_the_queue_mapping(application: Application) -> None:
    (mapping,) = application.queue_mappings
    assert mapping.function.name == "sweeper"
    assert mapping.queue_url == "http://queues/000000000000/shop-work"
    assert (mapping.batch_size, mapping.reports_failures) == (10, False)


def test_the_schedule(application: Application) -> None:
    (schedule,) = application.schedules
    assert (schedule.function.name, schedule.period) == ("sweeper", 300.0)
    assert schedule.arn == "arn:aws:events:us-east-1:000000000000:rule/shop-sweep"


@pytest.mark.parametrize(
    ("logical_id", "properties"),
    [
        ("SweeperSchedule", {"ScheduleExpression": "cron(0 0 * * ? *)"}),
        ("SweeperMapping", {"EventSourceArn": "arn:aws:kinesis:us-east-1:1:stream/s"}),
        ("SweeperMapping", {"EventSourceArn": "arn:aws:sqs:us-east-1:1:another"}),
        ("SweeperMapping", {"FunctionName": "nobody"}),
        (
            "WatcherMapping",
            {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:1:q"}}},
        ),
    ],
)
def test_what_cannot_be_run_here_is_refused(logical_id: str, properties: dict[str, Any]) -> None:
    with pytest.raises(TemplateError, match=logical_id):
        read_application(changed(logical_id, **properties))
