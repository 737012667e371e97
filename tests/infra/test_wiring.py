"""What wakes each function, and which doors are open."""

from typing import Any

import pytest

from tests.infra.templates import Assembly, Template

GUARDED = {
    "ANY /v1/interactions": "InteractionsApi",
    "ANY /v1/interactions/{proxy+}": "InteractionsApi",
    "ANY /v1/sentiment": "SentimentApi",
    "ANY /v1/sentiment/{proxy+}": "SentimentApi",
    "ANY /v1/analytics/{proxy+}": "AnalyticsApi",
}
OPEN = {
    "GET /health": "InteractionsApi",
    "GET /openapi.json": "InteractionsApi",
    "GET /docs": "InteractionsApi",
    "GET /docs/{proxy+}": "InteractionsApi",
}


def routes(service: Template, authorization: str) -> dict[str, str]:
    """Function by route key, for the routes with this kind of authorization."""
    integrations = service.of_type("AWS::ApiGatewayV2::Integration")
    return {
        route["RouteKey"]: integrations[route["Target"]["Fn::Join"][1][1]["Ref"]]["IntegrationUri"][
            "Fn::GetAtt"
        ][0]
        for route in service.of_type("AWS::ApiGatewayV2::Route").values()
        if route["AuthorizationType"] == authorization
    }


def mapping(service: Template, function: str) -> dict[str, Any]:
    return service.of_type("AWS::Lambda::EventSourceMapping")[f"{function}Mapping"]


def test_everything_but_health_and_documentation_is_guarded(service: Template) -> None:
    assert routes(service, "CUSTOM") == GUARDED
    assert routes(service, "NONE") == OPEN
    assert len(service.of_type("AWS::ApiGatewayV2::Route")) == len(GUARDED) + len(OPEN)


def test_guarded_routes_share_the_one_authorizer(service: Template) -> None:
    ((logical_id, authorizer),) = service.of_type("AWS::ApiGatewayV2::Authorizer").items()
    assert authorizer["AuthorizerType"] == "REQUEST"
    assert authorizer["AuthorizerPayloadFormatVersion"] == "2.0"
    assert authorizer["EnableSimpleResponses"] is True
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    assert authorizer["AuthorizerResultTtlInSeconds"] == 300
    for route in service.of_type("AWS::ApiGatewayV2::Route").values():
        if route["AuthorizationType"] == "CUSTOM":
            assert route["AuthorizerId"] == {"Ref": logical_id}


def test_integrations_hand_over_payload_two(service: Template) -> None:
    for integration in service.of_type("AWS::ApiGatewayV2::Integration").values():
        assert integration["IntegrationType"] == "AWS_PROXY"
        assert integration["PayloadFormatVersion"] == "2.0"


def test_no_function_outlasts_the_gateway(service: Template) -> None:
    """API Gateway waits 30 s for an integration and 10 s for an authorizer."""
    functions = service.functions()
    assert functions["authorizer"]["Timeout"] < 10
    for name, function in functions.items():
        if name.endswith("_api"):
            assert function["Timeout"] < 30


def test_access_is_logged_without_addresses_or_tokens(service: Template) -> None:
    (stage,) = service.of_type("AWS::ApiGatewayV2::Stage").values()
    logged = stage["AccessLogSettings"]["Format"]
    assert "$context.requestId" in logged
    for private in ("identity.sourceIp", "header", "authorizer.claims"):
        assert private not in logged


def test_the_stream_mapping_keeps_the_rollups_exact(service: Template) -> None:
    """The fence needs the shard's id, hence the window, and one reader per shard."""
    stream = mapping(service, "RollupStream")
    assert stream["FunctionName"] == {"Ref": "RollupStream"}
    assert stream["TumblingWindowInSeconds"] == 1
    assert stream["ParallelizationFactor"] == 1
    assert stream["StartingPosition"] == "TRIM_HORIZON"
    assert stream["BisectBatchOnFunctionError"] is True
    assert stream["MaximumRetryAttempts"] == 10
    assert stream["BatchSize"] == 100
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert "FilterCriteria" not in stream


def test_the_stream_is_the_interactions_own(service: Template) -> None:
    source = mapping(service, "RollupStream")["EventSourceArn"]["Fn::ImportValue"]
    assert "InteractionsTableStreamArn" in source


def test_dead_records_go_to_the_bucket_whole(service: Template, data: Template) -> None:
    destination = mapping(service, "RollupStream")["DestinationConfig"]["OnFailure"]["Destination"]
    (output,) = (
        output
        for output in data.body["Outputs"].values()
        if output.get("Export", {}).get("Name") == destination["Fn::ImportValue"]
    )
    assert output["Value"] == {"Fn::GetAtt": ["DeadRecordsBucket", "Arn"]}


@pytest.mark.parametrize(("stage_name", "readers"), [("dev", 5), ("prod", 50)])
def test_the_queue_is_read_in_bounded_batches(
    assembly: Assembly, stage_name: str, readers: int
) -> None:
    queue = mapping(assembly.template(stage_name, "service"), "AnalysisQueue")
    assert queue["FunctionName"] == {"Ref": "AnalysisQueue"}
    assert queue["BatchSize"] == 100
    assert queue["MaximumBatchingWindowInSeconds"] == 1
    assert queue["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert queue["ScalingConfig"] == {"MaximumConcurrency": readers}


def test_the_sweep_runs_every_five_minutes(service: Template) -> None:
    (rule,) = service.of_type("AWS::Events::Rule").values()
    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["Maintenance", "Arn"]}


def test_every_function_is_woken_by_something(service: Template) -> None:
    woken = {
        permission["FunctionName"]["Fn::GetAtt"][0]
        for permission in service.of_type("AWS::Lambda::Permission").values()
    } | {
        source["FunctionName"]["Ref"]
        for source in service.of_type("AWS::Lambda::EventSourceMapping").values()
    }
    assert woken == set(service.of_type("AWS::Lambda::Function"))
