"""Composition: the stream of the interactions table into rollups and the analysis queue."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from customerai.adapters.cached_shard_schedules import CachedShardSchedules
from customerai.adapters.dynamodb.rollups import DynamoDBRollups
from customerai.adapters.dynamodb.shard_schedules import DynamoDBShardSchedules
from customerai.adapters.redis import RedisCache
from customerai.adapters.redis.opened import pools_of
from customerai.adapters.s3.dead_records import S3DeadRecords
from customerai.adapters.sqs.analysis_queue import SQSAnalysisQueue
from customerai.environment import read_environment
from customerai.event_loop import run
from customerai.observability.telemetry import MetricUnit, logger, metrics
from customerai.usecases.invalidate_answers import invalidate_answers
from customerai.usecases.roll_up import roll_up
from functions.rollup_stream.records import read_batch
from functions.rollup_stream.settings import Settings

settings = read_environment(Settings)
schedules = CachedShardSchedules(DynamoDBShardSchedules(settings.settings_table))
rollups = DynamoDBRollups(settings.rollups_table, schedules)
pools = pools_of(settings.cache_url, settings.cache_reader_url, settings.cache_iam_name)
cache = RedisCache(pools)
queue = SQSAnalysisQueue(settings.analysis_queue_url)
dead_records = S3DeadRecords(settings.dead_records_bucket, "rollup_stream")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """All or nothing: whatever fails raises, and the whole batch comes again.

    A record that nobody can read would come again for ever; it is put aside instead.
    """
    return run(_handle(event))


async def _handle(event: dict[str, Any]) -> dict[str, Any]:
    batch = read_batch(event)
    for name, record in batch.unreadable.items():
        logger.error("unreadable record put aside", record=name)
        await dead_records.keep(name, record)
    metrics.add_metric("RecordsPutAside", MetricUnit.Count, len(batch.unreadable))
    await roll_up(batch.shard, batch.changes, rollups=rollups, queue=queue)
    await invalidate_answers(batch.tags, cache=cache)
    metrics.add_metric("ChangesCounted", MetricUnit.Count, len(batch.changes))
    # A mapping with a tumbling window expects its state back; the state is in the rollups.
    return {"batchItemFailures": [], "state": {}}
