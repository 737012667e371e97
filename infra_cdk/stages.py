"""What differs between stages, as data: sizes, limits, retention, the identity provider.

A stage is chosen once, in `infra_cdk.app`. Stacks and constructs read it and never ask which one it
is: a difference between stages that is not a field here does not exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from aws_cdk.aws_logs import RetentionDays

APPLICATION = "customerai"
ROOT = Path(__file__).resolve().parents[1]
"""The repository root: folders are named from here, wherever the checkout lies."""


@dataclass(frozen=True, slots=True)
class Size:
    """What one function gets. Lambda's CPU share follows its memory."""

    memory_mb: int
    timeout_s: int


@dataclass(frozen=True, slots=True)
class Identity:
    """The token issuer that the authorizer trusts.

    A value that is None is asked for when the stack is deployed (a CloudFormation parameter without
    a default), so that no stage can start with a placeholder.
    """

    issuer: str | None = None
    audience: str | None = None
    jwks_url: str | None = None
    tenant_claim: str = "tenant"
    cache_ttl_s: int = 300
    """How long API Gateway reuses a verdict on a token.

    It says nothing about revocation: a JWT cannot be taken back and works until its `exp`, which
    the functions check on each request.
    """


@dataclass(frozen=True, slots=True)
class Throttle:
    """API Gateway's token bucket: steady requests per second, and its depth."""

    rate: int
    burst: int


@dataclass(frozen=True, slots=True)
class StreamReading:
    """How the stream of the interactions table is read.

    `tumbling_window_s` is not there for aggregation: with a window Lambda puts the shard id into
    the event, which the exactly-once rollups need.

    A record that cannot be read is the function's own business. What fails here is something that
    the function needs, so a batch is tried until it works; after `record_age_s`, an hour before the
    stream would forget it, it goes to the bucket for dead records whole.
    """

    batch_size: int = 100
    batching_window_s: int = 1
    tumbling_window_s: int = 1
    retries: int = -1
    """Below zero: without end."""
    record_age_s: int = 23 * 3600
    """Below zero: whatever its age."""


@dataclass(frozen=True, slots=True)
class QueueReading:
    """How a queue is read: messages an invocation, seconds to wait for them, readers at once."""

    batch_size: int = 100
    batching_window_s: int = 1
    max_concurrency: int = 2
    receives_before_dead: int = 5


@dataclass(frozen=True, slots=True)
class Inference:
    """The SageMaker endpoint: instances between two bounds, scaled by requests per instance."""

    instance_type: str
    min_instances: int
    max_instances: int
    invocations_per_instance_minute: int
    scale_in_cooldown_s: int = 300
    scale_out_cooldown_s: int = 60


@dataclass(frozen=True, slots=True)
class Cache:
    """ElastiCache in a network of its own: one primary and its replicas, a zone for each.

    The functions that use it run in that network, and reach AWS through endpoints in each zone.
    """

    node_type: str
    replicas: int
    """At least one: a replica takes over from the primary, and answers reads until then."""
    zones: int
    """Availability zones of the network. The region has to have as many."""


@dataclass(frozen=True, slots=True)
class Edge:
    """CloudFront in front of the API."""

    own_domain: bool
    """Whether a domain and its certificate are asked for when the stack is deployed.

    Without one, clients call CloudFront's own domain, whose oldest TLS version is CloudFront's
    choice.
    """


@dataclass(frozen=True, slots=True)
class Stage:
    """One deployable copy of the platform."""

    name: str
    identity: Identity
    throttle: Throttle
    """For the routes that ask who calls."""
    open_throttle: Throttle
    """For each of the routes that anybody may call: a bucket of its own, and a smaller one."""
    analysis: QueueReading
    inference: Inference | None
    """None: no endpoint is provisioned; another process answers for its name."""
    cache: Cache | None
    """None: no cache is provisioned; whoever runs the functions may name one to them."""
    edge: Edge | None
    """None: clients call the API itself."""
    snap_start: bool
    """Whether functions that somebody waits for start from a snapshot of a published version."""
    retain_data: bool
    """Deletion protection, and tables and secrets that outlive their stack."""
    point_in_time_recovery: bool
    log_retention: RetentionDays
    log_level: str
    sweep_minutes: int
    """How often `maintenance` looks for interactions that nobody analysed."""
    pending_age_s: int
    """How long an interaction may wait before the sweep enqueues it again."""
    stream: StreamReading = field(default_factory=StreamReading)
    default_size: Size = field(default_factory=lambda: Size(memory_mb=1024, timeout_s=15))
    sizes: Mapping[str, Size] = field(default_factory=lambda: _SIZES)

    def physical_name(self, thing: str) -> str:
        """The name of a resource in the account: application, stage, thing."""
        return f"{APPLICATION}-{self.name}-{thing}"

    def size(self, function: str) -> Size:
        return self.sizes.get(function, self.default_size)


# API Gateway gives up on an integration after 30 s and on an authorizer after 10 s, so nothing
# behind them may run longer. 28 s hold whatever a request does while the store hangs; texts are
# answered within 2 s. The consumers work on whole batches and are not waited for: `analysis_queue`
# waits up to 40 s for each answer of the model and has done with it 45 s before its own end.
_SIZES: Mapping[str, Size] = MappingProxyType(
    {
        "authorizer": Size(memory_mb=512, timeout_s=5),
        "interactions_api": Size(memory_mb=1024, timeout_s=28),
        "sentiment_api": Size(memory_mb=1024, timeout_s=28),
        "analytics_api": Size(memory_mb=1024, timeout_s=28),
        "rollup_stream": Size(memory_mb=1024, timeout_s=60),
        "analysis_queue": Size(memory_mb=1024, timeout_s=120),
        "maintenance": Size(memory_mb=512, timeout_s=60),
    }
)

_LOCAL = Stage(
    name="local",
    identity=Identity(
        issuer="https://auth.customerai.local",
        audience="customerai",
        jwks_url=(ROOT / ".local" / "jwks.json").as_uri(),
        cache_ttl_s=0,
    ),
    throttle=Throttle(rate=1_000, burst=1_000),
    open_throttle=Throttle(rate=100, burst=100),
    analysis=QueueReading(max_concurrency=2),
    inference=None,
    cache=None,
    edge=None,
    snap_start=False,
    retain_data=False,
    point_in_time_recovery=False,
    log_retention=RetentionDays.ONE_DAY,
    log_level="INFO",
    # A machine may sleep for days, and its database forgets no record.
    stream=StreamReading(record_age_s=-1),
    sweep_minutes=1,
    pending_age_s=0,
)

_DEV = Stage(
    name="dev",
    identity=Identity(),
    throttle=Throttle(rate=100, burst=200),
    open_throttle=Throttle(rate=10, burst=20),
    analysis=QueueReading(max_concurrency=5),
    inference=Inference(
        instance_type="ml.c6i.large",
        min_instances=1,
        max_instances=2,
        invocations_per_instance_minute=600,
    ),
    cache=Cache(node_type="cache.t4g.micro", replicas=1, zones=2),
    edge=Edge(own_domain=False),
    snap_start=True,
    retain_data=False,
    point_in_time_recovery=True,
    log_retention=RetentionDays.TWO_WEEKS,
    log_level="DEBUG",
    sweep_minutes=5,
    pending_age_s=300,
)

_PROD = Stage(
    name="prod",
    identity=Identity(),
    throttle=Throttle(rate=2_000, burst=4_000),
    open_throttle=Throttle(rate=50, burst=100),
    analysis=QueueReading(max_concurrency=50),
    inference=Inference(
        instance_type="ml.c6i.xlarge",
        min_instances=2,
        max_instances=10,
        invocations_per_instance_minute=1_200,
    ),
    cache=Cache(node_type="cache.m7g.large", replicas=2, zones=3),
    edge=Edge(own_domain=True),
    snap_start=True,
    retain_data=True,
    point_in_time_recovery=True,
    log_retention=RetentionDays.THREE_MONTHS,
    log_level="INFO",
    sweep_minutes=5,
    pending_age_s=300,
)

STAGES: Mapping[str, Stage] = MappingProxyType(
    {stage.name: stage for stage in (_LOCAL, _DEV, _PROD)}
)
