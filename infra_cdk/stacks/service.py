"""The functions, what wakes each of them, and the API in front."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra_cdk.bundling import Platform, layer_code
from infra_cdk.constructs.http_api import ServiceApi
from infra_cdk.constructs.logical_ids import camel, name_resource
from infra_cdk.constructs.service_function import ServiceFunction
from infra_cdk.constructs.triggers import QueueMessages, Routes, Schedule, TableStream, Trigger
from infra_cdk.stacks.cache import CacheStack
from infra_cdk.stacks.data import DataStack
from infra_cdk.stages import Stage

_LAYERS: Mapping[str, tuple[str, ...]] = {
    "core": (),
    "http": ("core",),
    "static": ("core",),
}
"""Every layer, with the layers that always lie beneath it."""

_HTTP = ("core", "http")
_CONSUMER = ("core",)
_HTTP_WITH_FALLBACK = (*_HTTP, "static")


@dataclass(frozen=True, slots=True)
class Entry:
    """One function: the layers it stands on, its environment, what it may do, what wakes it."""

    name: str
    layers: Sequence[str]
    trigger: Trigger
    environment: Mapping[str, str]
    allow: Sequence[iam.PolicyStatement] = field(default=())
    cached: bool = False
    """Whether it uses the cache, where the stage has one, and so runs in the cache's network."""


class ServiceStack(cdk.Stack):
    """All functions of a stage. To add one: its folder, and one `Entry` below."""

    def __init__(
        self,
        scope: Construct,
        stage: Stage,
        platform: Platform,
        data: DataStack,
        cache: CacheStack | None,
    ) -> None:
        super().__init__(
            scope,
            stage.physical_name("service"),
            description=f"CustomerAI Insights Platform ({stage.name}): functions and HTTP API",
        )
        self._stage = stage
        self._platform = platform
        self._cache = cache
        self._layers = {
            name: self._layer(name, beneath=beneath) for name, beneath in _LAYERS.items()
        }
        origin_secret = data.origin_secret.secret_arn if data.origin_secret else ""
        authorizer = self._function(
            "authorizer",
            layers=_HTTP,
            awaited=True,
            environment={
                "JWKS_URL": self._known_or_asked("JwksUrl", stage.identity.jwks_url),
                "TOKEN_ISSUER": self._known_or_asked("TokenIssuer", stage.identity.issuer),
                "TOKEN_AUDIENCE": self._known_or_asked("TokenAudience", stage.identity.audience),
                "TENANT_CLAIM": stage.identity.tenant_claim,
                # Empty: no edge stands in front, and none is asked for.
                "ORIGIN_SECRET_ARN": origin_secret,
            },
            allow=[_allow(origin_secret, "secretsmanager:GetSecretValue")] if origin_secret else (),
        )
        api = ServiceApi(self, stage=stage, authorizer=authorizer)
        for entry in _entries(stage, data, api):
            function = self._function(
                entry.name,
                layers=entry.layers,
                environment=entry.environment,
                allow=(*entry.trigger.permissions(), *entry.allow),
                awaited=entry.trigger.awaited,
                cached=entry.cached,
            )
            entry.trigger.attach(function)
        self.api_domain = api.domain
        caller = "clients call" if stage.edge is None else "the edge calls"
        cdk.CfnOutput(self, "ApiUrl", value=api.url, description=f"Where {caller}")

    def _layer(self, name: str, *, beneath: tuple[str, ...]) -> lambda_.LayerVersion:
        layer = lambda_.LayerVersion(
            self,
            f"{camel(name)}Layer",
            layer_version_name=self._stage.physical_name(name),
            description=f"layers/{name} with its locked dependencies",
            code=layer_code(name, self._platform, beneath=beneath),
            compatible_runtimes=[self._platform.runtime],
            compatible_architectures=[self._platform.architecture],
        )
        name_resource(layer, f"{camel(name)}Layer")
        return layer

    def _function(
        self,
        name: str,
        *,
        layers: Sequence[str],
        environment: Mapping[str, str],
        awaited: bool,
        allow: Sequence[iam.PolicyStatement] = (),
        cached: bool = False,
    ) -> ServiceFunction:
        cache = self._cache if cached else None
        return ServiceFunction(
            self,
            name,
            stage=self._stage,
            platform=self._platform,
            layers=[self._layers[layer] for layer in layers],
            environment={**environment, **(cache.cache.environment if cache else {})},
            allow=(*allow, cache.cache.may_connect()) if cache else allow,
            network=cache.network if cache else None,
            snap_start=awaited and self._stage.snap_start,
        )

    def _known_or_asked(self, parameter: str, value: str | None) -> str:
        """The stage's own value, or a parameter that whoever deploys has to give."""
        if value is not None:
            return value
        pattern, form = _PARAMETERS[parameter]
        return cdk.CfnParameter(
            self,
            parameter,
            description=f"The authorizer's {parameter}: {form}",
            allowed_pattern=pattern,
            constraint_description=form,
        ).value_as_string


_PARAMETERS: Mapping[str, tuple[str, str]] = {
    "JwksUrl": ("https://.+", "an https:// address of a JSON Web Key Set"),
    "TokenIssuer": ("https://.+", "the `iss` of accepted tokens, an https:// address"),
    "TokenAudience": (".+", "the `aud` of accepted tokens"),
}


def _entries(stage: Stage, data: DataStack, api: ServiceApi) -> Sequence[Entry]:
    interactions, rollups, idempotency = data.interactions, data.rollups, data.idempotency
    settings = data.settings.table
    model_endpoint = stage.physical_name("sentiment")
    may_infer = _allow(
        f"arn:{cdk.Aws.PARTITION}:sagemaker:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}"
        f":endpoint/{model_endpoint}",
        "sagemaker:InvokeEndpoint",
    )
    may_read_settings = _allow(settings.table_arn, "dynamodb:GetItem")
    may_enqueue = _allow(data.analysis.queue_arn, "sqs:SendMessage")
    return (
        Entry(
            "interactions_api",
            layers=_HTTP,
            cached=True,
            trigger=Routes(
                api,
                guarded=("/v1/interactions", "/v1/interactions/{proxy+}"),
                open=("/health", "/openapi.json", "/docs", "/docs/{proxy+}"),
            ),
            environment={
                "INTERACTIONS_TABLE": interactions.table.table_name,
                "IDEMPOTENCY_TABLE": idempotency.table.table_name,
                "SETTINGS_TABLE": settings.table_name,
                "ANALYSIS_QUEUE_URL": data.analysis.queue_url,
                "MODEL_ENDPOINT": model_endpoint,
                "CURSOR_SECRET_ARN": data.cursor_secret.secret_arn,
            },
            allow=(
                _allow(
                    interactions.table.table_arn,
                    "dynamodb:GetItem",
                    "dynamodb:BatchGetItem",
                    "dynamodb:PutItem",
                    "dynamodb:DeleteItem",
                    "dynamodb:Query",
                ),
                _allow(
                    [
                        interactions.index_arn(index)
                        for index in ("by_customer", "by_channel", "by_sentiment", "pending")
                    ],
                    "dynamodb:Query",
                ),
                _allow(
                    idempotency.table.table_arn,
                    "dynamodb:GetItem",
                    "dynamodb:BatchGetItem",
                    "dynamodb:PutItem",
                ),
                may_read_settings,
                _allow(data.analysis.queue_arn, "sqs:GetQueueAttributes"),
                _allow(data.cursor_secret.secret_arn, "secretsmanager:GetSecretValue"),
                may_infer,
            ),
        ),
        Entry(
            "sentiment_api",
            layers=_HTTP_WITH_FALLBACK,
            cached=True,
            trigger=Routes(
                api, guarded=("/v1/sentiment", "/v1/sentiment/{proxy+}", "/v1/taxonomy")
            ),
            environment={
                "MODEL_ENDPOINT": model_endpoint,
                "SETTINGS_TABLE": settings.table_name,
            },
            allow=(
                _allow(settings.table_arn, "dynamodb:GetItem", "dynamodb:PutItem"),
                may_infer,
            ),
        ),
        Entry(
            "analytics_api",
            layers=_HTTP,
            cached=True,
            trigger=Routes(api, guarded=("/v1/analytics/{proxy+}",)),
            environment={
                "INTERACTIONS_TABLE": interactions.table.table_name,
                "ROLLUPS_TABLE": rollups.table.table_name,
                "SETTINGS_TABLE": settings.table_name,
            },
            allow=(
                _allow([rollups.table.table_arn, interactions.table.table_arn], "dynamodb:Query"),
                may_read_settings,
            ),
        ),
        Entry(
            "rollup_stream",
            layers=_CONSUMER,
            cached=True,
            trigger=TableStream(
                interactions.table,
                stage.stream,
                data.dead_records_arn,
                unreadable="rollup_stream",
            ),
            environment={
                "ROLLUPS_TABLE": rollups.table.table_name,
                "SETTINGS_TABLE": settings.table_name,
                "ANALYSIS_QUEUE_URL": data.analysis.queue_url,
                "DEAD_RECORDS_BUCKET": data.dead_records.bucket_name,
            },
            allow=(
                _allow(rollups.table.table_arn, "dynamodb:UpdateItem"),
                may_read_settings,
                may_enqueue,
            ),
        ),
        Entry(
            "analysis_queue",
            layers=_CONSUMER,
            cached=True,
            trigger=QueueMessages(data.analysis, stage.analysis),
            environment={
                "INTERACTIONS_TABLE": interactions.table.table_name,
                "SETTINGS_TABLE": settings.table_name,
                "MODEL_ENDPOINT": model_endpoint,
            },
            allow=(
                _allow(
                    interactions.table.table_arn, "dynamodb:BatchGetItem", "dynamodb:UpdateItem"
                ),
                may_read_settings,
                may_infer,
            ),
        ),
        Entry(
            "maintenance",
            layers=_CONSUMER,
            trigger=Schedule(cdk.Duration.minutes(stage.sweep_minutes)),
            environment={
                "INTERACTIONS_TABLE": interactions.table.table_name,
                "ANALYSIS_QUEUE_URL": data.analysis.queue_url,
                "PENDING_AGE_SECONDS": str(stage.pending_age_s),
            },
            allow=(
                _allow(interactions.index_arn("pending"), "dynamodb:Scan"),
                _allow(data.analysis.queue_arn, "sqs:GetQueueAttributes"),
                may_enqueue,
            ),
        ),
    )


def _allow(resources: str | Sequence[str], *actions: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=list(actions),
        resources=[resources] if isinstance(resources, str) else list(resources),
    )
