from __future__ import annotations

from functions._runner.resources import table_request


def test_a_tables_properties_become_its_request() -> None:
    keys = {
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    }
    request = table_request(
        keys
        | {
            "TableName": "t",
            "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
            "TimeToLiveSpecification": {"AttributeName": "at", "Enabled": True},
            "Replicas": [{"Region": "us-east-1"}],
        }
    )
    assert request == keys | {
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    }
