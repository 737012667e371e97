"""A model server of `models/serving` on a SageMaker endpoint that scales by requests."""

import aws_cdk as cdk
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker_alpha as sagemaker
from constructs import Construct

from infra_cdk.constructs.acknowledgment import accept
from infra_cdk.constructs.logical_ids import camel, name_resource
from infra_cdk.stages import ROOT, Inference, Stage

# What goes into the image's build context: what the Dockerfile copies. A change to anything else
# neither makes a new image nor has the endpoint replace its instances.
_CONTEXT = (
    "*",
    "!models",
    "!layers/core/python/customerai/__init__.py",
    "!layers/core/python/customerai/domain",
    "!layers/static/python/customerai_static",
    "!layers/*/pyproject.toml",
    "!pyproject.toml",
    "!uv.lock",
    "!README.md",
    "models/sentiment/training",
    "**/__pycache__",
)

# SageMaker's target counts a minute's requests; the L2 takes a second's and multiplies.
_SECONDS_A_MINUTE = 60


class InferenceEndpoint(Construct):
    """An endpoint for one model, named after it, with the stage's bounds on instances."""

    def __init__(self, scope: Construct, model: str, *, stage: Stage, sizing: Inference) -> None:
        super().__init__(scope, camel(model))
        image = ecr_assets.DockerImageAsset(
            self,
            "Image",
            directory=str(ROOT),
            file="models/serving/Dockerfile",
            platform=ecr_assets.Platform.LINUX_AMD64,
            exclude=list(_CONTEXT),
            ignore_mode=cdk.IgnoreMode.DOCKER,
        )
        role = iam.Role(
            self,
            "Role",
            description=f"What the containers of {stage.physical_name(model)} may do",
            assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
            inline_policies={"serve": _may_serve(image, stage.physical_name(model))},
        )
        name_resource(role, f"{camel(model)}EndpointRole")
        _acknowledge_wildcards(role, stage.physical_name(model))
        served = sagemaker.Model(
            self,
            "Model",
            role=role.without_policy_updates(),
            # The model lies in the image: the container has no reason to reach anything.
            network_isolation=True,
            containers=[
                sagemaker.ContainerDefinition(
                    image=sagemaker.ContainerImage.from_ecr_repository(
                        image.repository, image.asset_hash
                    )
                )
            ],
        )
        resource = name_resource(served.node.find_child("Model"), f"{camel(model)}Model")
        # Its role, which the reference to the role implies: cfn-lint wants it said once.
        resource.add_deletion_override("DependsOn")
        config = sagemaker.EndpointConfig(
            self,
            "Config",
            instance_production_variants=[
                sagemaker.InstanceProductionVariantProps(
                    model=served,
                    variant_name="only",
                    initial_instance_count=sizing.min_instances,
                    instance_type=sagemaker.InstanceType.of(sizing.instance_type),
                )
            ],
        )
        endpoint = sagemaker.Endpoint(
            self,
            "Endpoint",
            endpoint_name=stage.physical_name(model),
            endpoint_config=config,
        )
        resource = name_resource(endpoint.node.find_child("Endpoint"), f"{camel(model)}Endpoint")
        # A new image is a new configuration. Without this, its initial count would take away what
        # scaling has added, under load; with it, scaling goes on from the instances that run.
        resource.add_property_override("RetainAllVariantProperties", True)
        instances = endpoint.find_instance_production_variant("only").auto_scale_instance_count(
            min_capacity=sizing.min_instances, max_capacity=sizing.max_instances
        )
        instances.scale_on_invocations(
            "Requests",
            max_requests_per_second=sizing.invocations_per_instance_minute / _SECONDS_A_MINUTE,
            # The stage's figure is the target itself, not the most that an instance can take.
            safety_factor=1,
            scale_in_cooldown=cdk.Duration.seconds(sizing.scale_in_cooldown_s),
            scale_out_cooldown=cdk.Duration.seconds(sizing.scale_out_cooldown_s),
        )


def _may_serve(image: ecr_assets.DockerImageAsset, name: str) -> iam.PolicyDocument:
    """Pull the image, write logs and metrics: what SageMaker does in the container's name."""
    logs = (
        f"arn:{cdk.Aws.PARTITION}:logs:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}"
        f":log-group:/aws/sagemaker/Endpoints/{name}"
    )
    return iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(
                actions=[
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                resources=[image.repository.repository_arn],
            ),
            iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]),
            iam.PolicyStatement(
                actions=[
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                ],
                resources=[logs, f"{logs}:*"],
            ),
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/Endpoints"}},
            ),
        ]
    )


def _acknowledge_wildcards(role: iam.Role, name: str) -> None:
    accept(
        role,
        "IAM5[Resource::*]",
        "ecr:GetAuthorizationToken and cloudwatch:PutMetricData know no resources; the metrics are "
        "held to SageMaker's namespace.",
    )
    accept(
        role,
        "IAM5[Resource::arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:"
        f"/aws/sagemaker/Endpoints/{name}:*]",
        "The log streams inside the endpoint's own log group.",
    )
