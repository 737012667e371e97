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
LAMBDA_CONNECTS = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}
ANYTHING = '"*"'
USES_THE_CACHE = {
    ("elasticache:Connect", ":replicationgroup:customerai-"),
    ("elasticache:Connect", ":user:customerai-"),
    *((action, ANYTHING) for action in LAMBDA_CONNECTS),
}

# Action by the last words of the resource: enough to tell table from index and queue from queue.
ALLOWED = {
    "authorizer": {("secretsmanager:GetSecretValue", "OriginSecret")},
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
        ("dynamodb:GetItem", "SettingsTable"),
        ("sqs:GetQueueAttributes", "AnalysisQueue"),
        ("secretsmanager:GetSecretValue", "CursorSecret"),
        ("sagemaker:InvokeEndpoint", "-sentiment"),
        *USES_THE_CACHE,
    },
    "sentiment_api": {
        ("dynamodb:GetItem", "SettingsTable"),
        ("dynamodb:PutItem", "SettingsTable"),
        ("sagemaker:InvokeEndpoint", "-sentiment"),
        *USES_THE_CACHE,
    },
    "analytics_api": {
        ("dynamodb:Query", "RollupsTable"),
        ("dynamodb:GetItem", "SettingsTable"),
        ("dynamodb:Query", "InteractionsTable"),
        *USES_THE_CACHE,
    },
    "rollup_stream": {
        *((action, "InteractionsTableStream") for action in READ_STREAM),
        ("dynamodb:UpdateItem", "RollupsTable"),
        ("dynamodb:GetItem", "SettingsTable"),
        ("sqs:SendMessage", "AnalysisQueue"),
        ("s3:ListBucket", "DeadRecordsBucket"),
        ("s3:PutObject", "aws/lambda/*"),
        ("s3:PutObject", "/rollup_stream/*"),
        *USES_THE_CACHE,
    },
    "analysis_queue": {
        *((action, "AnalysisQueue") for action in READ_QUEUE),
        ("dynamodb:BatchGetItem", "InteractionsTable"),
        ("dynamodb:UpdateItem", "InteractionsTable"),
        ("dynamodb:GetItem", "SettingsTable"),
        ("sagemaker:InvokeEndpoint", "-sentiment"),
        *USES_THE_CACHE,
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
    if resource == "*":
        return ANYTHING
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


def test_what_lambda_may_do_to_connect_a_function_its_code_may_not(service: Template) -> None:
    for name, function in service.functions().items():
        denied = [each for each in service.policy(name) if each["Effect"] == "Deny"]
        if "VpcConfig" not in function:
            assert denied == []
            continue
        (statement,) = denied
        assert set(statement["Action"]) == LAMBDA_CONNECTS
        assert statement["Resource"] == "*"
        (caller,) = statement["Condition"]["ArnEquals"].values()
        assert set(statement["Condition"]["ArnEquals"]) == {"lambda:SourceFunctionArn"}
        assert as_text(caller).endswith(f':function:{function["FunctionName"]}"]]}}')


def test_every_resource_is_named_where_it_can_be(service: Template) -> None:
    for name in service.functions():
        unnamed = {action for action, resource in service.statements(name) if resource == "*"}
        assert unnamed <= LAMBDA_CONNECTS


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
