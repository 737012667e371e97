"""What wakes each function, and which doors are open."""

from typing import Any

import pytest

from tests.infra.templates import Assembly, Template

GUARDED = {
    "ANY /v1/interactions": "InteractionsApi",
    "ANY /v1/interactions/{proxy+}": "InteractionsApi",
    "ANY /v1/sentiment": "SentimentApi",
    "ANY /v1/sentiment/{proxy+}": "SentimentApi",
    "ANY /v1/taxonomy": "SentimentApi",
    "ANY /v1/analytics/{proxy+}": "AnalyticsApi",
}
OPEN = {
    "GET /health": "InteractionsApi",
    "GET /openapi.json": "InteractionsApi",
    "GET /docs": "InteractionsApi",
    "GET /docs/{proxy+}": "InteractionsApi",
}


GATEWAY_WAITS_MS = 30_000
STREAM_REMEMBERS_S = 24 * 3600


def routes(service: Template, authorization: str) -> dict[str, str]:
    """Function by route key, for the routes with this kind of authorization."""
    integrations = service.of_type("AWS::ApiGatewayV2::Integration")
    return {
        route["RouteKey"]: service.invoked(
            integrations[route["Target"]["Fn::Join"][1][1]["Ref"]]["IntegrationUri"]
        )
        for route in service.of_type("AWS::ApiGatewayV2::Route").values()
        if route["AuthorizationType"] == authorization
    }


def mapping(service: Template, function: str) -> dict[str, Any]:
    return service.of_type("AWS::Lambda::EventSourceMapping")[f"{function}Mapping"]


def exported(data: Template, imported: dict[str, str]) -> Any:
    """What the data stack exports under the name that the value imports."""
    (value,) = (
        output["Value"]
        for output in data.body["Outputs"].values()
        if output.get("Export", {}).get("Name") == imported["Fn::ImportValue"]
    )
    return value


def test_everything_but_health_and_documentation_is_guarded(service: Template) -> None:
    assert routes(service, "CUSTOM") == GUARDED
    assert routes(service, "NONE") == OPEN
    assert len(service.of_type("AWS::ApiGatewayV2::Route")) == len(GUARDED) + len(OPEN)


def test_guarded_routes_share_the_one_authorizer(service: Template) -> None:
    ((logical_id, authorizer),) = service.of_type("AWS::ApiGatewayV2::Authorizer").items()
    assert authorizer["AuthorizerType"] == "REQUEST"
    assert authorizer["AuthorizerPayloadFormatVersion"] == "2.0"
    assert authorizer["EnableSimpleResponses"] is True
    assert authorizer["IdentitySource"] == [
        "$request.header.Authorization",
        "$request.header.x-origin-verify",
    ]
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
    functions = service.of_type("AWS::Lambda::Function")
    assert functions["Authorizer"]["Timeout"] < 10
    integrations = service.of_type("AWS::ApiGatewayV2::Integration").values()
    serving = {service.invoked(each["IntegrationUri"]) for each in integrations}
    assert serving == {*GUARDED.values(), *OPEN.values()}
    for integration in integrations:
        function = functions[service.invoked(integration["IntegrationUri"])]
        limit_s = integration.get("TimeoutInMillis", GATEWAY_WAITS_MS) / 1_000
        assert limit_s <= GATEWAY_WAITS_MS / 1_000
        assert function["Timeout"] < limit_s


def test_a_function_outlasts_its_longest_wait_for_the_model(service: Template) -> None:
    """2 s behind the gateway; up to 75 s in the queue's reader, which has as much to write."""
    timeouts = {name: function["Timeout"] for name, function in service.functions().items()}
    assert {name: timeouts[name] for name in timeouts if name.endswith("_api")} == {
        "interactions_api": 28,
        "sentiment_api": 28,
        "analytics_api": 28,
    }
    assert timeouts["analysis_queue"] == 120


def test_access_is_logged_without_addresses_or_tokens(service: Template) -> None:
    (stage,) = service.of_type("AWS::ApiGatewayV2::Stage").values()
    logged = stage["AccessLogSettings"]["Format"]
    assert "$context.requestId" in logged
    for private in ("identity.sourceIp", "header", "authorizer.claims"):
        assert private not in logged


def test_what_anybody_may_call_is_throttled_by_itself(service: Template) -> None:
    """All open routes and only those, each with less than the tenants share."""
    (stage,) = service.of_type("AWS::ApiGatewayV2::Stage").values()
    shared = stage["DefaultRouteSettings"]
    assert set(stage["RouteSettings"]) == set(OPEN)
    for settings in stage["RouteSettings"].values():
        assert 0 < settings["ThrottlingRateLimit"] < shared["ThrottlingRateLimit"] / 5
        assert 0 < settings["ThrottlingBurstLimit"] < shared["ThrottlingBurstLimit"] / 5
        # Beside its own settings a route has none of the default ones.
        assert settings["DetailedMetricsEnabled"] is shared["DetailedMetricsEnabled"]


def test_routes_exist_before_the_stage_throttles_them(service: Template) -> None:
    """API Gateway refuses a stage with settings for a route that it does not know."""
    routes_by_key = {
        route["RouteKey"]: logical_id
        for logical_id, route in service.of_type("AWS::ApiGatewayV2::Route").items()
    }
    (stage,) = (
        resource
        for resource in service.resources.values()
        if resource["Type"] == "AWS::ApiGatewayV2::Stage"
    )
    throttled = {routes_by_key[key] for key in stage["Properties"]["RouteSettings"]}
    assert throttled <= set(stage["DependsOn"])


def test_the_stream_mapping_keeps_the_rollups_exact(service: Template) -> None:
    """The fence needs the shard's id, hence the window, and one reader per shard."""
    stream = mapping(service, "RollupStream")
    assert stream["FunctionName"] == {"Ref": "RollupStream"}
    assert stream["TumblingWindowInSeconds"] == 1
    assert stream["ParallelizationFactor"] == 1
    assert stream["StartingPosition"] == "TRIM_HORIZON"
    assert stream["BisectBatchOnFunctionError"] is True
    assert stream["BatchSize"] == 100
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert "FilterCriteria" not in stream


def test_a_failing_batch_is_tried_until_the_stream_would_forget_it(service: Template) -> None:
    stream = mapping(service, "RollupStream")
    assert stream["MaximumRetryAttempts"] == -1
    assert stream["MaximumRecordAgeInSeconds"] == STREAM_REMEMBERS_S - 3600


def test_the_stream_is_the_interactions_own(service: Template) -> None:
    source = mapping(service, "RollupStream")["EventSourceArn"]["Fn::ImportValue"]
    assert "InteractionsTableStreamArn" in source


def test_dead_records_go_to_the_bucket_whole(service: Template, data: Template) -> None:
    destination = mapping(service, "RollupStream")["DestinationConfig"]["OnFailure"]["Destination"]
    assert exported(data, destination) == {"Fn::GetAtt": ["DeadRecordsBucket", "Arn"]}


def test_unreadable_records_go_to_the_same_bucket(service: Template, data: Template) -> None:
    variables = service.functions()["rollup_stream"]["Environment"]["Variables"]
    assert exported(data, variables["DEAD_RECORDS_BUCKET"]) == {"Ref": "DeadRecordsBucket"}
    written = [
        resource["Fn::Join"][1]
        for action, resource in service.statements("rollup_stream")
        if action == "s3:PutObject"
    ]
    assert {objects for _, objects in written} == {"/aws/lambda/*", "/rollup_stream/*"}
    for bucket, _ in written:
        assert exported(data, bucket) == {"Fn::GetAtt": ["DeadRecordsBucket", "Arn"]}


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


def test_a_sweep_that_fails_is_left_to_the_next_one(service: Template) -> None:
    """EventBridge and Lambda have retries of their own: a target's say nothing to Lambda."""
    (rule,) = service.of_type("AWS::Events::Rule").values()
    (target,) = rule["Targets"]
    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 0
    (invocation,) = service.of_type("AWS::Lambda::EventInvokeConfig").values()
    assert invocation == {
        "FunctionName": {"Ref": "Maintenance"},
        "Qualifier": "$LATEST",
        "MaximumRetryAttempts": 0,
        "MaximumEventAgeInSeconds": 300,
    }


def test_every_function_is_woken_by_something(service: Template) -> None:
    woken = {
        service.invoked(permission["FunctionName"])
        for permission in service.of_type("AWS::Lambda::Permission").values()
    } | {
        source["FunctionName"]["Ref"]
        for source in service.of_type("AWS::Lambda::EventSourceMapping").values()
    }
    assert woken == set(service.of_type("AWS::Lambda::Function"))
