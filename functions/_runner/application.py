"""What the templates say about functions: their environment, and everything that wakes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions._runner.assembly import Assembly, Resource, TemplateError
from functions._runner.settings import ACCOUNT, REGION


@dataclass(frozen=True)
class Function:
    """`name` is the folder, `physical_name` is AWS's; timeout in seconds, memory in MB."""

    name: str
    physical_name: str
    handler: str
    environment: Mapping[str, str]
    timeout: float
    memory: int

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.physical_name}"


@dataclass(frozen=True)
class Authorizer:
    function: Function
    identity_sources: tuple[str, ...]
    ttl: float


@dataclass(frozen=True)
class Route:
    key: str
    function: Function
    authorizer: Authorizer | None
    timeout: float


@dataclass(frozen=True)
class StreamMapping:
    """A table's stream to a function.

    `retries` below zero means until the record is older than `max_age`, in seconds; `max_age`
    below zero means of any age.
    """

    function: Function
    table: str
    stream_arn: str
    id: str
    batch_size: int
    starting_position: str
    bisect: bool
    retries: int
    max_age: int
    reports_failures: bool
    window: int
    on_failure_bucket: str | None


@dataclass(frozen=True)
class QueueMapping:
    function: Function
    queue_url: str
    queue_arn: str
    batch_size: int
    reports_failures: bool


@dataclass(frozen=True)
class Schedule:
    function: Function
    arn: str
    period: float
    input: str | None


@dataclass(frozen=True)
class Application:
    functions: Mapping[str, Function]
    routes: tuple[Route, ...]
    stream_mappings: tuple[StreamMapping, ...]
    queue_mappings: tuple[QueueMapping, ...]
    schedules: tuple[Schedule, ...]


def read_application(assembly: Assembly) -> Application:
    """Everything the runner does, from the templates; TemplateError where it cannot."""
    functions = {
        function.name: function
        for function in map(_function, assembly.resources("AWS::Lambda::Function"))
    }
    by_arn = {function.arn: function for function in functions.values()}
    streams, queues = [], []
    for mapping in assembly.resources("AWS::Lambda::EventSourceMapping"):
        function = _invoked(by_arn, mapping.properties["FunctionName"], mapping)
        source = mapping.properties["EventSourceArn"]
        if ":dynamodb:" in source:
            streams.append(_stream_mapping(function, mapping))
        elif ":sqs:" in source:
            queues.append(_queue_mapping(assembly, function, mapping))
        else:
            raise TemplateError(f"{mapping.logical_id} maps {source}, which is not polled locally")
    return Application(
        functions,
        tuple(_routes(assembly, by_arn)),
        tuple(streams),
        tuple(queues),
        tuple(_schedules(assembly, by_arn)),
    )


def _function(resource: Resource) -> Function:
    properties = resource.properties
    module = properties["Handler"].rpartition(".")[0].split(".")
    # functions.sentiment_api.handler.handler lies in the folder sentiment_api.
    return Function(
        name=module[-2] if len(module) > 1 else module[0],
        physical_name=resource.name,
        handler=properties["Handler"],
        environment={
            key: str(value)
            for key, value in properties.get("Environment", {}).get("Variables", {}).items()
        },
        timeout=float(properties.get("Timeout", 3)),
        memory=int(properties.get("MemorySize", 128)),
    )


def _invoked(by_arn: Mapping[str, Function], text: str, resource: Resource) -> Function:
    """The function meant by a name, an ARN, or an API Gateway invocation URI."""
    found = re.search(r":function:([\w-]+)", text)
    name = found[1] if found else text
    for function in by_arn.values():
        if function.physical_name == name:
            return function
    raise TemplateError(f"{resource.logical_id} invokes {text}, which is no function here")


def _routes(assembly: Assembly, by_arn: Mapping[str, Function]) -> list[Route]:
    integrations = {
        f"integrations/{resource.name}": resource
        for resource in assembly.resources("AWS::ApiGatewayV2::Integration")
    }
    authorizers = {
        resource.name: Authorizer(
            _invoked(by_arn, resource.properties["AuthorizerUri"], resource),
            tuple(resource.properties.get("IdentitySource", ())),
            float(resource.properties.get("AuthorizerResultTtlInSeconds", 300)),
        )
        for resource in assembly.resources("AWS::ApiGatewayV2::Authorizer")
    }
    routes = []
    for route in assembly.resources("AWS::ApiGatewayV2::Route"):
        integration = integrations[route.properties["Target"]]
        guarded = route.properties.get("AuthorizationType", "NONE") == "CUSTOM"
        routes.append(
            Route(
                route.properties["RouteKey"],
                _invoked(by_arn, integration.properties["IntegrationUri"], integration),
                authorizers[route.properties["AuthorizerId"]] if guarded else None,
                integration.properties.get("TimeoutInMillis", 30_000) / 1000,
            )
        )
    return routes


def _stream_mapping(function: Function, mapping: Resource) -> StreamMapping:
    properties: Mapping[str, Any] = mapping.properties
    failure = properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if failure is not None and not failure.startswith("arn:aws:s3:::"):
        raise TemplateError(f"{mapping.logical_id}: on-failure destination {failure} is no bucket")
    return StreamMapping(
        function=function,
        table=properties["EventSourceArn"].split("/")[1],
        stream_arn=properties["EventSourceArn"],
        id=mapping.logical_id,
        batch_size=int(properties.get("BatchSize", 100)),
        starting_position=properties.get("StartingPosition", "TRIM_HORIZON"),
        bisect=bool(properties.get("BisectBatchOnFunctionError", False)),
        retries=int(properties.get("MaximumRetryAttempts", -1)),
        max_age=int(properties.get("MaximumRecordAgeInSeconds", -1)),
        reports_failures=_reports_failures(properties),
        window=int(properties.get("TumblingWindowInSeconds", 0)),
        on_failure_bucket=failure.rpartition(":")[2] if failure else None,
    )


def _queue_mapping(assembly: Assembly, function: Function, mapping: Resource) -> QueueMapping:
    arn = mapping.properties["EventSourceArn"]
    for queue in assembly.resources("AWS::SQS::Queue"):
        if queue.name == arn.rpartition(":")[2]:
            return QueueMapping(
                function=function,
                queue_url=assembly.resolve(queue.stack, {"Ref": queue.logical_id}),
                queue_arn=arn,
                batch_size=int(mapping.properties.get("BatchSize", 10)),
                reports_failures=_reports_failures(mapping.properties),
            )
    raise TemplateError(f"{mapping.logical_id} maps {arn}, which is no queue here")


def _reports_failures(properties: Mapping[str, Any]) -> bool:
    return "ReportBatchItemFailures" in properties.get("FunctionResponseTypes", ())


def _schedules(assembly: Assembly, by_arn: Mapping[str, Function]) -> list[Schedule]:
    schedules = []
    for rule in assembly.resources("AWS::Events::Rule"):
        expression = rule.properties.get("ScheduleExpression")
        if expression is None:
            continue
        rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
        if rate is None:
            raise TemplateError(f"{rule.logical_id}: {expression} is no rate()")
        period = float(rate[1]) * {"minute": 60, "hour": 3600, "day": 86400}[rate[2]]
        arn = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule.name}"
        schedules += [
            Schedule(_invoked(by_arn, target["Arn"], rule), arn, period, target.get("Input"))
            for target in rule.properties.get("Targets", ())
        ]
    return schedules
