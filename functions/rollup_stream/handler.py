"""Composition: the stream of the interactions table into rollups and the analysis queue."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from customerai.adapters.dynamodb.rollups import DynamoDBRollups
from customerai.adapters.sqs.analysis_queue import SQSAnalysisQueue
from customerai.environment import read_environment
from customerai.observability.telemetry import MetricUnit, logger, metrics
from customerai.usecases.roll_up import roll_up
from functions.rollup_stream.records import read_batch
from functions.rollup_stream.settings import Settings

settings = read_environment(Settings)
rollups = DynamoDBRollups(settings.rollups_table)
queue = SQSAnalysisQueue(settings.analysis_queue_url)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Everything before the first poison record is counted; that record is reported."""
    batch = read_batch(event)
    roll_up(batch.shard, batch.changes, rollups=rollups, queue=queue)
    metrics.add_metric("ChangesCounted", MetricUnit.Count, len(batch.changes))
    failures = []
    if batch.poison is not None:
        logger.error("poison record", sequence_number=batch.poison, reason=batch.reason)
        failures.append({"itemIdentifier": batch.poison})
    # A mapping with a tumbling window expects its state back; the state is in the rollups.
    return {"batchItemFailures": failures, "state": {}}
