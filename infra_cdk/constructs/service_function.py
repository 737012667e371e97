"""One Lambda function, all of it derived from its name."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.bundling import Platform, function_code
from infra_cdk.constructs.acknowledgment import accept
from infra_cdk.constructs.logical_ids import camel, name_resource
from infra_cdk.constructs.network import Network
from infra_cdk.stages import Stage


class ServiceFunction(Construct):
    """`functions/<name>/` as a function with a log group and a role of its own.

    The role may do what `allow` says and write to its log group; in a `network`, Lambda may also
    connect it there in the role's name.

    `invoked` is what triggers call: with `snap_start` the alias `live` of a version that starts
    from a snapshot, else the function itself.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: Stage,
        platform: Platform,
        layers: Sequence[lambda_.ILayerVersion],
        environment: Mapping[str, str],
        allow: Sequence[iam.PolicyStatement],
        network: Network | None = None,
        snap_start: bool = False,
    ) -> None:
        super().__init__(scope, camel(name))
        self.name = name
        size = stage.size(name)
        physical_name = stage.physical_name(name)
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/lambda/{physical_name}",
            retention=stage.log_retention,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        name_resource(log_group, f"{camel(name)}Logs")
        self.role = iam.Role(
            self,
            "Role",
            description=f"What {physical_name} may do",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            # Inline, so that the role is complete before anything that relies on it is created.
            inline_policies={
                name: iam.PolicyDocument(statements=[_may_log(log_group), *allow]),
                **({"network": _may_join_a_network(physical_name)} if network else {}),
            },
        )
        name_resource(self.role, f"{camel(name)}Role")
        if network:
            accept(
                self.role,
                "IAM5[Resource::*]",
                "Lambda makes the network interfaces, whose names nobody knows before; the "
                "function's own code is denied the same calls.",
            )
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=physical_name,
            description=f"CustomerAI {stage.name}: {name.replace('_', ' ')}",
            runtime=platform.runtime,
            architecture=platform.architecture,
            code=function_code(name, platform),
            handler=f"functions.{name}.handler.handler",
            layers=list(layers),
            memory_size=size.memory_mb,
            timeout=cdk.Duration.seconds(size.timeout_s),
            role=self.role.without_policy_updates(),
            log_group=log_group,
            vpc=network.vpc if network else None,
            vpc_subnets=network.subnets if network else None,
            security_groups=[network.functions] if network else None,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
            # A version's snapshot is paid for until the version goes.
            current_version_options=lambda_.VersionOptions(
                removal_policy=cdk.RemovalPolicy.DESTROY
            ),
            environment={
                **environment,
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_METRICS_NAMESPACE": "CustomerAI",
                "POWERTOOLS_LOG_LEVEL": stage.log_level,
            },
        )
        resource = name_resource(self.function, camel(name))
        # Its role, which the reference to the role implies: cfn-lint wants it said once.
        resource.add_deletion_override("DependsOn")
        accept(
            self.function,
            "L1",
            "The runtime is raised in one place, infra_cdk/bundling.py, together with the wheels "
            "and the bytecode that are built for it.",
        )
        self.invoked: lambda_.IFunction = self._live() if snap_start else self.function

    def _live(self) -> lambda_.Alias:
        cdk.Annotations.of(self.function).acknowledge_warning(
            "@aws-cdk/aws-lambda:snapStartRequirePublish", "The alias publishes a version."
        )
        alias = lambda_.Alias(
            self, "Live", alias_name="live", version=self.function.current_version
        )
        name_resource(alias, f"{camel(self.name)}Live")
        return alias


def _may_log(log_group: logs.LogGroup) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
        resources=[log_group.log_group_arn],
    )


def _may_join_a_network(function_name: str) -> iam.PolicyDocument:
    """What Lambda needs to connect the function, and the function's own code must not do.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    """
    actions = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    ]
    own = (
        f"arn:{cdk.Aws.PARTITION}:lambda:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}"
        f":function:{function_name}"
    )
    return iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(actions=actions, resources=["*"]),
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=actions,
                resources=["*"],
                conditions={"ArnEquals": {"lambda:SourceFunctionArn": own}},
            ),
        ]
    )
