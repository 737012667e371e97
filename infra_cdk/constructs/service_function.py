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
from infra_cdk.stages import Stage


class ServiceFunction(Construct):
    """`functions/<name>/` as a function with a log group and a role of its own.

    The role may do what `allow` says and write to its log group, nothing else.
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
            },
        )
        name_resource(self.role, f"{camel(name)}Role")
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


def _may_log(log_group: logs.LogGroup) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
        resources=[log_group.log_group_arn],
    )
