"""Composition: the analysis queue into the model, and its answers onto the interactions."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from customerai.adapters.cached_shard_schedules import CachedShardSchedules
from customerai.adapters.cached_taxonomies import CachedTaxonomies
from customerai.adapters.cached_text_analyser import CachedTextAnalyser
from customerai.adapters.dynamodb.analyses import DynamoDBAnalyses
from customerai.adapters.dynamodb.shard_schedules import DynamoDBShardSchedules
from customerai.adapters.dynamodb.taxonomies import DynamoDBTaxonomies
from customerai.adapters.redis import RedisCache
from customerai.adapters.redis.opened import pools_of
from customerai.adapters.sagemaker.text_analyser import SageMakerTextAnalyser
from customerai.environment import read_environment
from customerai.event_loop import run
from customerai.observability import cache_layers
from customerai.observability.telemetry import MetricUnit, logger, metrics
from customerai.resilience.shedding import Priority
from customerai.usecases.analyse_interactions import analyse_interactions
from functions.analysis_queue.records import read_messages
from functions.analysis_queue.settings import Settings

_CALL_SECONDS = 40.0
"""One call of the model at its slowest."""
_SAVING_SECONDS = 45.0
"""What is kept of the function's time: writing 100 analyses takes that long where the store hangs
(16 at once, each given up after some 6 s)."""
_TAXONOMY_SECONDS = 60.0
"""How long texts may still be sorted by a taxonomy that was replaced."""

settings = read_environment(Settings)
schedules = CachedShardSchedules(DynamoDBShardSchedules(settings.settings_table))
analyses = DynamoDBAnalyses(settings.interactions_table, schedules)
pools = pools_of(settings.cache_url, settings.cache_reader_url, settings.cache_iam_name)
analyser = CachedTextAnalyser.over(
    SageMakerTextAnalyser(settings.model_endpoint, _CALL_SECONDS, priority=Priority.BATCH),
    settings.model_endpoint,
    RedisCache(pools),
)
taxonomies = CachedTaxonomies(DynamoDBTaxonomies(settings.settings_table), _TAXONOMY_SECONDS)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Messages that fail come again, and end in the dead-letter queue after their last try."""
    return run(_handle(event, context))


async def _handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    metrics.add_metric("MessagesReceived", MetricUnit.Count, len(event["Records"]))
    refs, failed = read_messages(event)
    if failed:
        logger.error("unreadable messages", message_ids=failed)
    outcome = await analyse_interactions(
        list(refs.values()),
        analyses=analyses,
        analyser=analyser,
        taxonomies=taxonomies,
        time_left=lambda: context.get_remaining_time_in_millis() / 1_000 - _SAVING_SECONDS,
    )
    if outcome.incomplete:
        logger.warning(
            "analysed without what no model in service finds",
            features=sorted(outcome.missing),
            interactions=outcome.incomplete,
        )
        metrics.add_metric("IncompleteAnalyses", MetricUnit.Count, outcome.incomplete)
    left = frozenset(outcome.left)
    failed += [message for message, ref in refs.items() if ref in left]
    metrics.add_metric("MessagesFailed", MetricUnit.Count, len(failed))
    for name, count in cache_layers.drained().items():
        metrics.add_metric(name, MetricUnit.Count, count)
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}
