"""The cache and its network. Apart from the service, because no emulator has ElastiCache."""

import aws_cdk as cdk
from constructs import Construct

from infra_cdk.constructs.network import Network
from infra_cdk.constructs.replicated_cache import ReplicatedCache
from infra_cdk.stages import Cache, Stage


class CacheStack(cdk.Stack):
    """What may be lost at any time, and the network that functions join to reach it."""

    def __init__(self, scope: Construct, stage: Stage, sizing: Cache) -> None:
        super().__init__(
            scope,
            stage.physical_name("cache"),
            description=f"CustomerAI Insights Platform ({stage.name}): cache and its network",
        )
        self.network = Network(self, stage=stage, zones=sizing.zones)
        self.cache = ReplicatedCache(self, stage=stage, sizing=sizing, network=self.network)
