"""A service in miniature, as CDK would synthesise it."""

from __future__ import annotations

from typing import Any

import pytest

from functions._runner.assembly import Assembly


def function(name: str, **variables: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": f"shop-{name}",
            "Handler": f"functions.{name}.handler.handler",
            "Timeout": 7,
            "MemorySize": 256,
            "Environment": {"Variables": variables},
        },
    }


def route(key: str, integration: str, authorizer: str | None = None) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "RouteKey": key,
        "Target": {"Fn::Join": ["", ["integrations/", {"Ref": integration}]]},
    }
    if authorizer:
        properties |= {"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": authorizer}}
    return {"Type": "AWS::ApiGatewayV2::Route", "Properties": properties}


def uri(logical_id: str) -> dict[str, Any]:
    start = ["arn:", {"Ref": "AWS::Partition"}, ":apigateway:", {"Ref": "AWS::Region"}]
    path = ":lambda:path/2015-03-31/functions/"
    return {"Fn::Join": ["", [*start, path, {"Fn::GetAtt": [logical_id, "Arn"]}, "/invocations"]]}


DATA = {
    "Resources": {
        "Orders": {
            "Type": "AWS::DynamoDB::GlobalTable",
            "Properties": {"TableName": "shop-orders"},
        },
        "Work": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "shop-work"}},
        "Lost": {"Type": "AWS::S3::Bucket", "Properties": {}},
        "Cursor": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "shop-cursor"}},
    },
    "Outputs": {
        name: {"Value": value, "Export": {"Name": {"Fn::Sub": f"${{AWS::StackName}}:{name}"}}}
        for name, value in {
            "table": {"Ref": "Orders"},
            "stream": {"Fn::GetAtt": ["Orders", "StreamArn"]},
            "queue": {"Fn::GetAtt": ["Work", "Arn"]},
            "bucket": {"Fn::GetAtt": ["Lost", "Arn"]},
            "lost": {"Ref": "Lost"},
        }.items()
    },
}

SERVICE = {
    "Parameters": {"BootstrapVersion": {"Type": "String", "Default": "/cdk/version"}},
    "Resources": {
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "shop"}},
        "OrdersApi": function("orders_api", TABLE={"Fn::ImportValue": "data:table"}),
        "Guard": function(
            "guard",
            JWKS_URL="file:///tmp/keys/jwks.json",
            TOKEN_ISSUER="https://issuer",
            TOKEN_AUDIENCE="shop",
            TENANT_CLAIM="tenant",
        ),
        "Watcher": function("watcher", DEAD_RECORDS_BUCKET={"Fn::ImportValue": "data:lost"}),
        "Sweeper": function("sweeper"),
        "Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {"IntegrationUri": {"Fn::GetAtt": ["OrdersApi", "Arn"]}},
        },
        "Authorizer": {
            "Type": "AWS::ApiGatewayV2::Authorizer",
            "Properties": {
                "AuthorizerUri": uri("Guard"),
                "IdentitySource": ["$request.header.Authorization"],
                "AuthorizerResultTtlInSeconds": 0,
            },
        },
        "Orders": route("ANY /orders/{proxy+}", "Integration", "Authorizer"),
        "Health": route("GET /health", "Integration"),
        "WatcherMapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "FunctionName": {"Ref": "Watcher"},
                "EventSourceArn": {"Fn::ImportValue": "data:stream"},
                "BatchSize": 20,
                "BisectBatchOnFunctionError": True,
                "MaximumRetryAttempts": 3,
                "MaximumRecordAgeInSeconds": 3600,
                "TumblingWindowInSeconds": 1,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "DestinationConfig": {
                    "OnFailure": {"Destination": {"Fn::ImportValue": "data:bucket"}}
                },
            },
        },
        "SweeperMapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "FunctionName": {"Fn::GetAtt": ["Sweeper", "Arn"]},
                "EventSourceArn": {"Fn::ImportValue": "data:queue"},
            },
        },
        "SweeperSchedule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Name": "shop-sweep",
                "ScheduleExpression": "rate(5 minutes)",
                "Targets": [{"Arn": {"Fn::GetAtt": ["Sweeper", "Arn"]}, "Id": "Target0"}],
            },
        },
    },
}


@pytest.fixture
def assembly() -> Assembly:
    return Assembly({"data": DATA, "service": SERVICE}, "http://queues")
