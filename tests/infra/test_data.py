"""Tables, queues, bucket and secret: their shape is a contract with the adapters."""

from typing import Any

import pytest

from tests.infra.templates import Assembly, Template, as_list

LISTED = {"customer_id", "channel", "sentiment"}


def table(template: Template, name: str) -> dict[str, Any]:
    found = [
        properties
        for properties in template.of_type("AWS::DynamoDB::Table").values()
        if properties["TableName"] == f"customerai-{template.stage}-{name}"
    ]
    assert len(found) == 1
    return found[0]


def keys(schema: list[dict[str, str]]) -> dict[str, str]:
    return {key["KeyType"]: key["AttributeName"] for key in schema}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("interactions", {"HASH": "pk", "RANGE": "id"}),
        ("rollups", {"HASH": "pk", "RANGE": "sk"}),
        ("idempotency", {"HASH": "pk"}),
        ("settings", {"HASH": "pk", "RANGE": "sk"}),
    ],
)
def test_keys_are_strings(data: Template, name: str, expected: dict[str, str]) -> None:
    found = table(data, name)
    assert keys(found["KeySchema"]) == expected
    assert {attribute["AttributeType"] for attribute in found["AttributeDefinitions"]} == {"S"}


def test_indexes_are_sorted_by_id_and_leave_the_text_out(data: Template) -> None:
    indexes = {
        index["IndexName"]: index for index in table(data, "interactions")["GlobalSecondaryIndexes"]
    }
    assert set(indexes) == {"by_customer", "by_channel", "by_sentiment", "pending"}
    for name, index in indexes.items():
        assert keys(index["KeySchema"]) == {"HASH": name, "RANGE": "id"}
        assert index["Projection"]["ProjectionType"] == "INCLUDE"
        projected = set(index["Projection"]["NonKeyAttributes"])
        assert projected == ({"received_at"} if name == "pending" else LISTED)


def test_only_the_interactions_have_a_stream_with_both_images(data: Template) -> None:
    assert table(data, "interactions")["StreamSpecification"] == {
        "StreamViewType": "NEW_AND_OLD_IMAGES"
    }
    for name in ("rollups", "idempotency", "settings"):
        assert "StreamSpecification" not in table(data, name)


def test_what_expires_expires_by_the_same_attribute(data: Template) -> None:
    for name in ("interactions", "idempotency"):
        assert table(data, name)["TimeToLiveSpecification"] == {
            "AttributeName": "expires_at",
            "Enabled": True,
        }
    for name in ("rollups", "settings"):
        assert "TimeToLiveSpecification" not in table(data, name)


def test_tables_are_billed_by_request_and_can_be_restored(data: Template) -> None:
    for properties in data.of_type("AWS::DynamoDB::Table").values():
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["PointInTimeRecoverySpecification"] == {
            "PointInTimeRecoveryEnabled": True
        }


def test_production_data_outlives_mistakes(assembly: Assembly) -> None:
    for stage, kept in (("dev", False), ("prod", True)):
        template = assembly.template(stage, "data")
        for properties in template.of_type("AWS::DynamoDB::Table").values():
            assert properties["DeletionProtectionEnabled"] is kept
        for resource in template.resources.values():
            if resource["Type"] in {"AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"}:
                assert resource["DeletionPolicy"] == ("Retain" if kept else "Delete")


def test_the_bucket_outlives_its_stack_and_is_in_nobodys_way(
    data: Template, bundled: Assembly
) -> None:
    """A bucket with objects can't be deleted; and with a fixed name it could not come again."""
    for template in (data, bundled.template("local", "data")):
        (bucket,) = (
            resource
            for resource in template.resources.values()
            if resource["Type"] == "AWS::S3::Bucket"
        )
        assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
        assert "BucketName" not in bucket["Properties"]


def test_every_working_queue_has_a_dead_letter_queue(data: Template) -> None:
    queues = data.of_type("AWS::SQS::Queue")
    working = {name: queue for name, queue in queues.items() if "RedrivePolicy" in queue}
    assert set(working) == {"AnalysisQueue"}
    for queue in working.values():
        redrive = queue["RedrivePolicy"]
        assert redrive["maxReceiveCount"] == 5
        dead = queues[redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]]
        assert dead["QueueName"] == f"{queue['QueueName']}-dead"
        assert dead["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]


def test_a_message_stays_hidden_for_six_timeouts(data: Template, service: Template) -> None:
    timeout = service.functions()["analysis_queue"]["Timeout"]
    assert data.of_type("AWS::SQS::Queue")["AnalysisQueue"]["VisibilityTimeout"] == 6 * timeout


def test_every_queue_hides_messages_for_six_timeouts_of_its_reader(
    data: Template, service: Template
) -> None:
    arns = {
        output["Export"]["Name"]: output["Value"]["Fn::GetAtt"][0]
        for output in data.body["Outputs"].values()
        if "Arn" in output["Value"].get("Fn::GetAtt", ())
    }
    queues = data.of_type("AWS::SQS::Queue")
    readers = {
        queue: mapping["FunctionName"]["Ref"]
        for mapping in service.of_type("AWS::Lambda::EventSourceMapping").values()
        if (queue := arns.get(mapping["EventSourceArn"]["Fn::ImportValue"])) in queues
    }
    assert set(readers) == {name for name, queue in queues.items() if "RedrivePolicy" in queue}
    for queue, reader in readers.items():
        timeout = service.resources[reader]["Properties"]["Timeout"]
        assert queues[queue]["VisibilityTimeout"] >= 6 * timeout


def test_queues_and_bucket_are_encrypted_and_refuse_plain_http(data: Template) -> None:
    for queue in data.of_type("AWS::SQS::Queue").values():
        assert queue["SqsManagedSseEnabled"] is True
    (bucket,) = data.of_type("AWS::S3::Bucket").values()
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]
    policies = [
        *data.of_type("AWS::SQS::QueuePolicy").values(),
        *data.of_type("AWS::S3::BucketPolicy").values(),
    ]
    assert len(policies) == 3
    for policy in policies:
        denied = [
            statement
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
            and statement["Condition"].get("Bool") == {"aws:SecureTransport": "false"}
        ]
        assert len(denied) == 1
        assert as_list(denied[0]["Action"])[0] in {"sqs:*", "s3:*"}


def test_dead_records_are_kept_for_ninety_days(data: Template) -> None:
    (bucket,) = data.of_type("AWS::S3::Bucket").values()
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["ExpirationInDays"], rule["Status"]) == (90, "Enabled")


def test_secrets_are_generated_and_fit_into_a_header(data: Template) -> None:
    secrets = data.of_type("AWS::SecretsManager::Secret").values()
    assert {secret["Name"] for secret in secrets} == {
        f"customerai-{data.stage}-cursor",
        f"customerai-{data.stage}-origin",
    }
    for secret in secrets:
        assert "SecretString" not in secret
        assert secret["GenerateSecretString"] == {"ExcludePunctuation": True, "PasswordLength": 64}


def test_no_secret_is_kept_for_an_edge_that_is_not_there(bundled: Assembly) -> None:
    data = bundled.template("local", "data")
    (secret,) = data.of_type("AWS::SecretsManager::Secret").values()
    assert secret["Name"] == "customerai-local-cursor"
