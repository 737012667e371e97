"""Least privilege: what each role may do is written out here once more, on purpose."""

import pytest

from tests.infra.templates import Template, as_list, as_text

LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
READ_STREAM = {
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
}
READ_QUEUE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}

# Action by the last words of the resource: enough to tell table from index and queue from queue.
ALLOWED = {
    "authorizer": set(),
    "interactions_api": {
        *(
            (f"dynamodb:{verb}", "InteractionsTable")
            for verb in ("GetItem", "BatchGetItem", "PutItem", "DeleteItem", "Query")
        ),
        ("dynamodb:Query", "index/by_customer"),
        ("dynamodb:Query", "index/by_channel"),
        ("dynamodb:Query", "index/by_sentiment"),
        ("dynamodb:Query", "index/pending"),
        ("dynamodb:GetItem", "IdempotencyTable"),
        ("dynamodb:BatchGetItem", "IdempotencyTable"),
        ("dynamodb:PutItem", "IdempotencyTable"),
        ("sqs:GetQueueAttributes", "AnalysisQueue"),
        ("secretsmanager:GetSecretValue", "CursorSecret"),
        ("sagemaker:InvokeEndpoint", "-sentiment"),
    },
    "sentiment_api": {
        ("dynamodb:GetItem", "SettingsTable"),
        ("dynamodb:PutItem", "SettingsTable"),
        ("sagemaker:InvokeEndpoint", "-sentiment"),
    },
    "analytics_api": {
        ("dynamodb:Query", "RollupsTable"),
        ("dynamodb:Query", "InteractionsTable"),
    },
    "rollup_stream": {
        *((action, "InteractionsTableStream") for action in READ_STREAM),
        ("dynamodb:UpdateItem", "RollupsTable"),
        ("sqs:SendMessage", "AnalysisQueue"),
        ("s3:ListBucket", "DeadRecordsBucket"),
        ("s3:PutObject", "aws/lambda/*"),
        ("s3:PutObject", "/rollup_stream/*"),
    },
    "analysis_queue": {
        *((action, "AnalysisQueue") for action in READ_QUEUE),
        ("dynamodb:BatchGetItem", "InteractionsTable"),
        ("dynamodb:UpdateItem", "InteractionsTable"),
        ("dynamodb:GetItem", "SettingsTable"),
        ("sagemaker:InvokeEndpoint", "-sentiment"),
    },
    "maintenance": {
        ("dynamodb:Scan", "index/pending"),
        ("sqs:GetQueueAttributes", "AnalysisQueue"),
        ("sqs:SendMessage", "AnalysisQueue"),
    },
}
# Longest first: the name of the table is part of its stream's and its indexes' ARNs.
KINDS = sorted({kind for allowed in ALLOWED.values() for _, kind in allowed}, key=len, reverse=True)


def kind_of(resource: object) -> str:
    text = as_text(resource)
    for kind in (*(kind for kind in KINDS if "/" in kind), *KINDS):
        if kind in text:
            return kind
    raise AssertionError(f"no test knows the resource {text}")


@pytest.mark.parametrize("function", sorted(ALLOWED))
def test_a_role_may_do_this_and_nothing_else(service: Template, function: str) -> None:
    granted = {
        (action, kind_of(resource))
        for action, resource in service.statements(function)
        if action not in LOGS
    }
    assert granted == ALLOWED[function]


def test_every_function_is_listed(service: Template) -> None:
    assert set(ALLOWED) == set(service.functions())


def test_a_function_writes_to_its_own_log_group_only(service: Template) -> None:
    for name, function in service.functions().items():
        log_group = function["LoggingConfig"]["LogGroup"]["Ref"]
        logging = {
            (action, as_text(resource))
            for action, resource in service.statements(name)
            if action.startswith("logs:")
        }
        assert logging == {(action, as_text({"Fn::GetAtt": [log_group, "Arn"]})) for action in LOGS}


def test_no_action_is_a_wildcard(service: Template, inference: Template) -> None:
    for template in (service, inference):
        for role in template.of_type("AWS::IAM::Role").values():
            assert "ManagedPolicyArns" not in role
            for policy in role["Policies"]:
                for statement in policy["PolicyDocument"]["Statement"]:
                    for action in as_list(statement["Action"]):
                        assert "*" not in action


def test_only_maintenance_scans(service: Template) -> None:
    scanning = {
        name
        for name in service.functions()
        for action, _ in service.statements(name)
        if action == "dynamodb:Scan"
    }
    assert scanning == {"maintenance"}


def test_no_permission_hides_outside_the_roles(service: Template) -> None:
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        assert not service.of_type(kind)
