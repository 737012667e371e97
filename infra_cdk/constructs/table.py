"""A DynamoDB table with the stage's protections."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra_cdk.constructs.logical_ids import name_resource
from infra_cdk.stages import Stage


class ServiceTable(Construct):
    """An on-demand table whose key attributes are strings, named after one thing.

    `indexes` maps a global secondary index to the attributes it projects beside the keys (none:
    keys only). An index is partitioned by the attribute that has its name, and sorted like its
    table.
    """

    def __init__(
        self,
        scope: Construct,
        thing: str,
        *,
        stage: Stage,
        partition_key: str,
        sort_key: str | None = None,
        expires_at: str | None = None,
        stream: bool = False,
        indexes: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(scope, f"{thing.title()}Table")
        self.table = dynamodb.Table(
            self,
            "Resource",
            table_name=stage.physical_name(thing),
            partition_key=_string(partition_key),
            sort_key=_string(sort_key) if sort_key else None,
            time_to_live_attribute=expires_at,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if stream else None,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            deletion_protection=stage.retain_data,
            removal_policy=(
                cdk.RemovalPolicy.RETAIN if stage.retain_data else cdk.RemovalPolicy.DESTROY
            ),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=stage.point_in_time_recovery
            ),
        )
        name_resource(self.table, f"{thing.title()}Table")
        for index, projected in (indexes or {}).items():
            self.table.add_global_secondary_index(
                index_name=index,
                partition_key=_string(index),
                sort_key=_string(sort_key) if sort_key else None,
                projection_type=(
                    dynamodb.ProjectionType.INCLUDE
                    if projected
                    else dynamodb.ProjectionType.KEYS_ONLY
                ),
                non_key_attributes=list(projected) or None,
            )

    def index_arn(self, index: str) -> str:
        return f"{self.table.table_arn}/index/{index}"


def _string(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
