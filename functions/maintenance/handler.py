"""Composition: the pending sweep, on a schedule."""

from datetime import UTC, datetime, timedelta
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from customerai.adapters.dynamodb.backlog import DynamoDBBacklog
from customerai.adapters.sqs.analysis_queue import SQSAnalysisQueue
from customerai.environment import read_environment
from customerai.event_loop import run
from customerai.observability.telemetry import MetricUnit, logger, metrics
from customerai.usecases.sweep_pending import sweep_pending
from functions.maintenance.settings import Settings

settings = read_environment(Settings)
backlog = DynamoDBBacklog(settings.interactions_table)
queue = SQSAnalysisQueue(settings.analysis_queue_url)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """How many interactions were sent to the queue again."""
    received_before = datetime.now(UTC) - timedelta(seconds=settings.pending_age_seconds)
    swept = run(sweep_pending(received_before, backlog=backlog, queue=queue))
    metrics.add_metric("PendingSwept", MetricUnit.Count, swept)
    if swept:
        logger.info("pending interactions sent again", swept=swept)
    return {"swept": swept}
