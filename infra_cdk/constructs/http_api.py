"""The HTTP API in front of the functions, and the authorizer in front of its routes."""

from collections.abc import Sequence

import aws_cdk as cdk
import jsii
from aws_cdk import aws_apigateway as log_formats
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.constructs.acknowledgment import accept
from infra_cdk.constructs.logical_ids import camel, name_resource
from infra_cdk.constructs.service_function import ServiceFunction
from infra_cdk.stages import Stage

ORIGIN_HEADER = "x-origin-verify"
"""Where CloudFront puts the secret by which the authorizer knows it."""

# No address and no token: who called is told by tenant and subject.
_ACCESS_LOG = (
    '{"request_id":"$context.requestId","time":"$context.requestTimeEpoch",'
    '"route":"$context.routeKey","path":"$context.path","status":"$context.status",'
    '"response_bytes":"$context.responseLength","latency_ms":"$context.responseLatency",'
    '"integration_latency_ms":"$context.integrationLatency",'
    '"authorizer_latency_ms":"$context.authorizer.latency",'
    '"tenant":"$context.authorizer.tenant","subject":"$context.authorizer.subject",'
    '"error":"$context.error.message","integration_error":"$context.integrationErrorMessage"}'
)


class ServiceApi(Construct):
    """One HTTP API with a default stage, access logs, throttling and a Lambda authorizer.

    Each open route has a throttle of its own, so that whoever hammers it without a token does not
    use up what the tenants share.

    Behind an edge, guarded routes are for its requests only. A request that lacks the edge's header
    is refused before the authorizer is asked; and since the header's value is part of what a
    verdict is kept under, no other value finds the verdict of the right one. Open routes hold
    nobody's data and stay reachable around the edge, throttled.
    """

    def __init__(self, scope: Construct, *, stage: Stage, authorizer: ServiceFunction) -> None:
        super().__init__(scope, "HttpApi")
        self._api = gateway.HttpApi(
            self,
            "Api",
            api_name=stage.physical_name("api"),
            description=f"CustomerAI Insights Platform ({stage.name})",
            create_default_stage=False,
        )
        name_resource(self._api, "Api")
        log_group = logs.LogGroup(
            self,
            "AccessLogs",
            log_group_name=f"/aws/apigateway/{stage.physical_name('api')}",
            retention=stage.log_retention,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        name_resource(log_group, "ApiAccessLogs")
        default = gateway.HttpStage(
            self,
            "Default",
            http_api=self._api,
            stage_name="$default",
            auto_deploy=True,
            detailed_metrics_enabled=True,
            throttle=gateway.ThrottleSettings(
                rate_limit=stage.throttle.rate, burst_limit=stage.throttle.burst
            ),
            access_log_settings=_AccessLogs(log_group),
        )
        self._stage_resource = name_resource(default, "ApiStage")
        self._open_throttle = stage.open_throttle
        self._open_settings: dict[str, dict[str, object]] = {}
        self._authorizer = authorizers.HttpLambdaAuthorizer(
            "Authorizer",
            authorizer.invoked,
            authorizer_name=stage.physical_name("authorizer"),
            response_types=[authorizers.HttpLambdaResponseType.SIMPLE],
            identity_source=[f"$request.header.{header}" for header in _identifying(stage)],
            results_cache_ttl=cdk.Duration.seconds(stage.identity.cache_ttl_s),
        )
        self.url = default.url
        self.domain = cdk.Fn.select(2, cdk.Fn.split("/", self._api.api_endpoint))

    def route(
        self, function: ServiceFunction, *, guarded: Sequence[str], open_: Sequence[str]
    ) -> None:
        """Sends the paths to the function, the `open_` ones (GET only) without asking who calls."""
        integration = integrations.HttpLambdaIntegration(
            camel(function.name), function.invoked, scope_permission_to_route=False
        )
        for path in guarded:
            self._api.add_routes(
                path=path,
                methods=[gateway.HttpMethod.ANY],
                integration=integration,
                authorizer=self._authorizer,
            )
        for path in open_:
            for route in self._api.add_routes(
                path=path, methods=[gateway.HttpMethod.GET], integration=integration
            ):
                accept(
                    route,
                    "APIG4",
                    "Liveness and the API's description hold nobody's data, and are read before a "
                    "client has a token.",
                )
                self._throttle_open(route, f"GET {path}")

    def _throttle_open(self, route: gateway.HttpRoute, key: str) -> None:
        self._open_settings[key] = {
            "ThrottlingRateLimit": self._open_throttle.rate,
            "ThrottlingBurstLimit": self._open_throttle.burst,
            # A route's settings replace the default ones: what is left out is off.
            "DetailedMetricsEnabled": True,
        }
        self._stage_resource.add_property_override("RouteSettings", self._open_settings)
        # API Gateway refuses settings of a route that does not exist yet.
        self._stage_resource.node.add_dependency(route)


def _identifying(stage: Stage) -> Sequence[str]:
    return ("Authorization",) if stage.edge is None else ("Authorization", ORIGIN_HEADER)


@jsii.implements(gateway.IAccessLogSettings)
class _AccessLogs:
    """One JSON line a request, into a log group."""

    def __init__(self, log_group: logs.LogGroup) -> None:
        self._destination = gateway.LogGroupLogDestination(log_group)
        self._format = log_formats.AccessLogFormat.custom(_ACCESS_LOG)

    @property
    def destination(self) -> gateway.IAccessLogDestination:
        return self._destination

    @property
    def format(self) -> log_formats.AccessLogFormat:
        return self._format
