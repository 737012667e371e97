"""Records of streams, queues and schedules, in the shape in which Lambda hands them on."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from functions._runner import queues, streams
from functions._runner.application import Function, Schedule
from functions._runner.queues import delay
from functions._runner.schedules import scheduled_event

_ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/latest"


def test_a_stream_record_is_plain_json() -> None:
    received = {
        "eventID": "1",
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "awsRegion": "elsewhere",
        "userIdentity": {"principalId": "dynamodb.amazonaws.com", "type": "Service"},
        "dynamodb": {
            "ApproximateCreationDateTime": dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
            "Keys": {"pk": {"S": "a"}},
            "NewImage": {"pk": {"S": "a"}, "raw": {"B": b"\x00"}, "all": {"BS": [b"\x01"]}},
            "SequenceNumber": "1",
            "SizeBytes": 9,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }
    record = streams.event_record(received, "stream", _ARN)
    json.dumps(record)
    assert record["dynamodb"]["ApproximateCreationDateTime"] == 1767312000
    assert record["dynamodb"]["NewImage"]["raw"] == {"B": "AA=="}
    assert record["dynamodb"]["NewImage"]["all"] == {"BS": ["AQ=="]}
    assert record["eventSourceARN"] == _ARN
    assert (record["awsRegion"], record["eventSource"]) == ("us-east-1", "aws:dynamodb")
    assert record["userIdentity"]["type"] == "Service"
    other = streams.event_record(received, "another stream", _ARN)
    assert record["eventID"] != other["eventID"]


def test_a_queue_record_has_lambdas_names() -> None:
    record = queues.event_record(
        {
            "MessageId": "m",
            "ReceiptHandle": "r",
            "Body": "{}",
            "MD5OfBody": "d",
            "Attributes": {"ApproximateReceiveCount": "2"},
            "MessageAttributes": {
                "text": {"DataType": "String", "StringValue": "v"},
                "raw": {"DataType": "Binary", "BinaryValue": b"\x00"},
            },
        },
        "arn:aws:sqs:us-east-1:000000000000:q",
    )
    json.dumps(record)
    assert (record["messageId"], record["body"], record["eventSource"]) == ("m", "{}", "aws:sqs")
    assert record["attributes"] == {"ApproximateReceiveCount": "2"}
    assert record["messageAttributes"]["text"]["stringValue"] == "v"
    assert record["messageAttributes"]["raw"]["binaryValue"] == "AA=="


@pytest.mark.parametrize(("received", "seconds"), [("1", 1), ("2", 2), ("5", 16), ("2000", 60)])
def test_a_failed_message_comes_later_each_time(received: str, seconds: int) -> None:
    assert delay({"Attributes": {"ApproximateReceiveCount": received}}) == seconds


def test_a_schedules_event() -> None:
    function = Function("f", "f", "f.handler", {}, 3, 128)
    event = scheduled_event(Schedule(function, "arn:rule", 60, None))
    assert (event["detail-type"], event["resources"]) == ("Scheduled Event", ["arn:rule"])
    assert scheduled_event(Schedule(function, "arn:rule", 60, '{"own": 1}')) == {"own": 1}
