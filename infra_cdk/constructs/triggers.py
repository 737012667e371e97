"""What wakes a function: each trigger brings the permissions it needs and attaches itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from infra_cdk.constructs.acknowledgment import accept
from infra_cdk.constructs.http_api import ServiceApi
from infra_cdk.constructs.logical_ids import camel, name_resource
from infra_cdk.constructs.service_function import ServiceFunction
from infra_cdk.stages import QueueReading, StreamReading


class Trigger(Protocol):
    """A source of events for one function."""

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for the function's answer, and so for its start."""
        ...

    def permissions(self) -> Sequence[iam.PolicyStatement]:
        """What the function's role must be allowed for the source to work."""
        ...

    def attach(self, function: ServiceFunction) -> None:
        """Connects the source to the function."""
        ...


@dataclass(frozen=True, slots=True)
class Routes:
    """Paths of the HTTP API: `guarded` ones pass the authorizer first, `open` ones (GET) do not."""

    api: ServiceApi
    guarded: Sequence[str]
    open: Sequence[str] = ()
    awaited: ClassVar[bool] = True

    def permissions(self) -> Sequence[iam.PolicyStatement]:
        return ()

    def attach(self, function: ServiceFunction) -> None:
        self.api.route(function, guarded=self.guarded, open_=self.open)


@dataclass(frozen=True, slots=True)
class TableStream:
    """The stream of a table, in order, with what cannot be processed kept whole in a bucket.

    `dead_records_arn` is the bucket's ARN as its stack exports it. Lambda keeps there what it gives
    up, under names of its own; the function keeps what it cannot read, under `unreadable`.
    """

    table: dynamodb.Table
    reading: StreamReading
    dead_records_arn: str
    unreadable: str
    awaited: ClassVar[bool] = False

    def permissions(self) -> Sequence[iam.PolicyStatement]:
        return (
            iam.PolicyStatement(
                actions=[
                    "dynamodb:DescribeStream",
                    "dynamodb:GetRecords",
                    "dynamodb:GetShardIterator",
                    "dynamodb:ListStreams",
                ],
                resources=[_stream_arn(self.table)],
            ),
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.dead_records_arn]),
            iam.PolicyStatement(
                actions=["s3:PutObject"],
                resources=[f"{self.dead_records_arn}/{objects}" for objects in self._objects()],
            ),
        )

    def attach(self, function: ServiceFunction) -> None:
        mapping = lambda_.CfnEventSourceMapping(
            function,
            "Mapping",
            function_name=function.invoked.function_name,
            event_source_arn=_stream_arn(self.table),
            # From the oldest record: what was written before the mapping existed counts as well.
            starting_position="TRIM_HORIZON",
            batch_size=self.reading.batch_size,
            maximum_batching_window_in_seconds=self.reading.batching_window_s,
            # With the window the event names its shard. The rollups' fence is per shard and needs
            # one reader for each.
            tumbling_window_in_seconds=self.reading.tumbling_window_s,
            parallelization_factor=1,
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=self.reading.retries,
            maximum_record_age_in_seconds=self.reading.record_age_s,
            function_response_types=["ReportBatchItemFailures"],
            destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(
                    destination=self.dead_records_arn
                )
            ),
        )
        mapping.override_logical_id(f"{camel(function.name)}Mapping")
        imported = cdk.Stack.of(function).resolve(self.dead_records_arn)["Fn::ImportValue"]
        for objects in self._objects():
            accept(
                function.role,
                f"IAM5[Resource::{imported}/{objects}]",
                "Shard and place in the stream name the objects that hold failed records, under "
                "this prefix.",
            )

    def _objects(self) -> Sequence[str]:
        return ("aws/lambda/*", f"{self.unreadable}/*")


@dataclass(frozen=True, slots=True)
class QueueMessages:
    """A queue, in batches, with a bound on how many batches are worked on at once."""

    queue: sqs.Queue
    reading: QueueReading
    awaited: ClassVar[bool] = False

    def permissions(self) -> Sequence[iam.PolicyStatement]:
        return (
            iam.PolicyStatement(
                actions=["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
                resources=[self.queue.queue_arn],
            ),
        )

    def attach(self, function: ServiceFunction) -> None:
        mapping = lambda_.CfnEventSourceMapping(
            function,
            "Mapping",
            function_name=function.invoked.function_name,
            event_source_arn=self.queue.queue_arn,
            batch_size=self.reading.batch_size,
            maximum_batching_window_in_seconds=self.reading.batching_window_s,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(
                maximum_concurrency=self.reading.max_concurrency
            ),
        )
        mapping.override_logical_id(f"{camel(function.name)}Mapping")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A clock. A tick that fails is not repeated: the next one does the same work.

    Two parties would repeat it: EventBridge, where it cannot hand the tick over, and Lambda, where
    the function fails. Both are told not to. A tick that Lambda cannot run yet, because too much
    else is running, waits until the next one is due.
    """

    every: cdk.Duration
    awaited: ClassVar[bool] = False

    def permissions(self) -> Sequence[iam.PolicyStatement]:
        return ()

    def attach(self, function: ServiceFunction) -> None:
        rule = events.Rule(
            function,
            "Schedule",
            schedule=events.Schedule.rate(self.every),
            targets=[targets.LambdaFunction(function.function, retry_attempts=0)],
        )
        name_resource(rule, f"{camel(function.name)}Schedule")
        invocation = lambda_.EventInvokeConfig(
            function,
            "Invocation",
            function=function.function,
            retry_attempts=0,
            max_event_age=self.every,
        )
        name_resource(invocation, f"{camel(function.name)}Invocation")


def _stream_arn(table: dynamodb.Table) -> str:
    if table.table_stream_arn is None:
        raise ValueError(f"{table.node.path} has no stream")
    return table.table_stream_arn
