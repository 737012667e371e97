"""ElastiCache for Valkey: one primary, its replicas, and one user that functions connect as."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticache as elasticache
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra_cdk.constructs.acknowledgment import accept
from infra_cdk.constructs.network import Network
from infra_cdk.stages import Cache, Stage

_ENGINE = "valkey"
_ENGINE_VERSION = "8.2"
_PARAMETER_FAMILY = "valkey8"
_PORT = 6379

# Reading, writing and scripts; INFO, which tells how far a replica is behind. Nothing that empties
# the cache, walks all keys or reconfigures the server.
_MAY = "on ~* -@all +@connection +@read +@write +@scripting +@transaction -@dangerous +info"


class ReplicatedCache(Construct):
    """A replication group that is found by two names: the primary's, and its readers'.

    Connections are encrypted, and authenticated by the caller's IAM role: a signed token stands in
    for a password, so there is none to keep.
    """

    def __init__(self, scope: Construct, *, stage: Stage, sizing: Cache, network: Network) -> None:
        super().__init__(scope, "Cache")
        self._name = stage.physical_name("cache")
        self._user = stage.physical_name("functions")
        nodes = 1 + sizing.replicas
        group = elasticache.CfnReplicationGroup(
            self,
            "Group",
            replication_group_id=self._name,
            replication_group_description=f"CustomerAI {stage.name}: what can be computed again",
            engine=_ENGINE,
            engine_version=_ENGINE_VERSION,
            auto_minor_version_upgrade=True,
            cache_node_type=sizing.node_type,
            num_cache_clusters=nodes,
            automatic_failover_enabled=True,
            multi_az_enabled=True,
            port=_PORT,
            cache_parameter_group_name=self._parameters().ref,
            cache_subnet_group_name=self._subnet_group(network).ref,
            security_group_ids=[
                network.open_to_functions("Cache", ec2.Port.tcp(_PORT)).security_group_id
            ],
            user_group_ids=[self._user_group().ref],
            at_rest_encryption_enabled=True,
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            # Nothing in it has to survive.
            snapshot_retention_limit=0,
        )
        group.override_logical_id("Cache")
        _accept_what_a_cache_needs_not(group)
        self.environment: Mapping[str, str] = {
            "CACHE_URL": self._url(group.attr_primary_end_point_address),
            "CACHE_READER_URL": self._url(group.attr_reader_end_point_address),
            "CACHE_IAM_NAME": self._name,
        }
        """Where a function writes, where it reads, and what its tokens are signed for."""

    def may_connect(self) -> iam.PolicyStatement:
        """To this cache, as this user."""
        service = f"arn:{cdk.Aws.PARTITION}:elasticache:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}"
        return iam.PolicyStatement(
            actions=["elasticache:Connect"],
            resources=[
                f"{service}:replicationgroup:{self._name}",
                f"{service}:user:{self._user}",
            ],
        )

    def _url(self, host: str) -> str:
        return f"rediss://{self._user}@{host}:{_PORT}"

    def _subnet_group(self, network: Network) -> elasticache.CfnSubnetGroup:
        group = elasticache.CfnSubnetGroup(
            self,
            "Subnets",
            cache_subnet_group_name=self._name,
            description=f"Where {self._name} may place its nodes",
            subnet_ids=network.vpc.select_subnets(subnets=network.vpc.isolated_subnets).subnet_ids,
        )
        group.override_logical_id("CacheSubnets")
        return group

    def _parameters(self) -> elasticache.CfnParameterGroup:
        group = elasticache.CfnParameterGroup(
            self,
            "Parameters",
            cache_parameter_group_family=_PARAMETER_FAMILY,
            description=f"A full {self._name} forgets what is asked for least",
            properties={"maxmemory-policy": "allkeys-lfu"},
        )
        group.override_logical_id("CacheParameters")
        return group

    def _user_group(self) -> elasticache.CfnUserGroup:
        user = elasticache.CfnUser(
            self,
            "User",
            # IAM wants both the same.
            user_id=self._user,
            user_name=self._user,
            engine=_ENGINE,
            authentication_mode={"Type": "iam"},
            access_string=_MAY,
        )
        user.override_logical_id("CacheUser")
        group = elasticache.CfnUserGroup(
            self,
            "Users",
            user_group_id=self._name,
            engine=_ENGINE,
            user_ids=[user.ref],
        )
        group.override_logical_id("CacheUsers")
        return group


def _accept_what_a_cache_needs_not(group: elasticache.CfnReplicationGroup) -> None:
    accept(
        group,
        "AEC5",
        "Another port hides nothing: only the functions' security group reaches this one, and the "
        "server asks each connection for a signed token.",
    )
    accept(
        group,
        "AEC6",
        "Valkey's AUTH password would have to be kept and rotated. Connections authenticate by IAM "
        "through the user group, with tokens that live for minutes.",
    )
