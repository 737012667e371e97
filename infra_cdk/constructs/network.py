"""The network that the cache lives in, closed but for the AWS services that functions call."""

from collections.abc import Mapping
from types import MappingProxyType

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.constructs.logical_ids import name_resource
from infra_cdk.stages import Stage

# By the service's name in policies. A test derives from the functions' roles which ones it takes.
_GATEWAYS: Mapping[str, ec2.GatewayVpcEndpointAwsService] = MappingProxyType(
    {
        "dynamodb": ec2.GatewayVpcEndpointAwsService.DYNAMODB,
        "s3": ec2.GatewayVpcEndpointAwsService.S3,
    }
)
_INTERFACES: Mapping[str, ec2.InterfaceVpcEndpointAwsService] = MappingProxyType(
    {
        "secretsmanager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
        "sagemaker": ec2.InterfaceVpcEndpointAwsService.SAGEMAKER_RUNTIME,
        "sqs": ec2.InterfaceVpcEndpointAwsService.SQS,
    }
)
_KINDS: Mapping[str, str] = MappingProxyType(
    {"dynamodb": "table/", "secretsmanager": "secret:", "sagemaker": "endpoint/", "sqs": ""}
)
_HTTPS = ec2.Port.tcp(443)


class Network(Construct):
    """Subnets without a route to the internet, one in each of the stage's zones.

    `functions` is the security group of functions inside: they reach the endpoints, and what
    `open_to_functions` opens.
    """

    def __init__(self, scope: Construct, *, stage: Stage, zones: int) -> None:
        super().__init__(scope, "Network")
        self._stage = stage
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=stage.physical_name("cache"),
            ip_addresses=ec2.IpAddresses.cidr("10.0.0.0/20"),
            # By their place in the region: a template without a region knows no names.
            availability_zones=[cdk.Fn.select(zone, cdk.Fn.get_azs()) for zone in range(zones)],
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24
                )
            ],
        )
        name_resource(self.vpc, "Vpc")
        self.subnets = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
        self._log_refusals()
        self.functions = self._security_group("Functions", "Functions that use the cache")
        # The gateways' addresses are public ones, and nothing else public has a route.
        self.functions.add_egress_rule(ec2.Peer.any_ipv4(), _HTTPS, "AWS through the gateways")
        self._add_endpoints()

    def open_to_functions(self, name: str, port: ec2.Port) -> ec2.SecurityGroup:
        """A security group that functions inside may reach on this port, and nobody else on any."""
        group = self._security_group(name, f"{name}, for functions inside")
        group.add_ingress_rule(self.functions, port, "Functions that use the cache")
        self.functions.add_egress_rule(group, port, name)
        return group

    def _security_group(self, name: str, description: str) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            self,
            f"{name}Group",
            vpc=self.vpc,
            description=description,
            allow_all_outbound=False,
        )
        name_resource(group, f"{name}Group")
        return group

    def _log_refusals(self) -> None:
        log_group = logs.LogGroup(
            self,
            "FlowLogs",
            log_group_name=f"/aws/vpc/{self._stage.physical_name('cache')}",
            retention=self._stage.log_retention,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        name_resource(log_group, "FlowLogs")
        # What got through is the functions' own traffic; what did not is worth a line.
        self.vpc.add_flow_log(
            "Refusals",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(log_group),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )

    def _add_endpoints(self) -> None:
        for service, gateway in _GATEWAYS.items():
            endpoint = self.vpc.add_gateway_endpoint(service, service=gateway)
            endpoint.add_to_policy(self._may_pass(service))
        group = self.open_to_functions("Endpoints", _HTTPS)
        for service, interface in _INTERFACES.items():
            added = self.vpc.add_interface_endpoint(
                service,
                service=interface,
                subnets=self.subnets,
                security_groups=[group],
                open=False,
                private_dns_enabled=True,
            )
            added.add_to_policy(self._may_pass(service))

    def _may_pass(self, service: str) -> iam.PolicyStatement:
        """Calls of this account for the stage's own things. What each role may do is the role's."""
        own = {"aws:PrincipalAccount": cdk.Aws.ACCOUNT_ID}
        if service == "s3":
            # A bucket's ARN has no account, and its name is of CloudFormation's making.
            own["aws:ResourceAccount"] = cdk.Aws.ACCOUNT_ID
            resources = f"arn:{cdk.Aws.PARTITION}:s3:::*"
        else:
            resources = (
                f"arn:{cdk.Aws.PARTITION}:{service}:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:"
                f"{_KINDS[service]}{self._stage.physical_name('*')}"
            )
        return iam.PolicyStatement(
            principals=[iam.AnyPrincipal()],
            actions=[f"{service}:*"],
            resources=[resources],
            conditions={"StringEquals": own},
        )
