"""Composition: adapters, routes, application."""

from functools import partial

from customerai.adapters.cached_shard_schedules import CachedShardSchedules
from customerai.adapters.dynamodb.idempotency import DynamoDBIdempotencyKeys
from customerai.adapters.dynamodb.interactions import DynamoDBInteractions
from customerai.adapters.dynamodb.shard_schedules import DynamoDBShardSchedules
from customerai.adapters.redis import RedisCache
from customerai.adapters.redis.opened import pools_of
from customerai.adapters.sagemaker.text_analyser import SageMakerTextAnalyser
from customerai.adapters.secrets import read_secret
from customerai.adapters.sqs.analysis_queue import SQSAnalysisQueue
from customerai.environment import read_environment
from customerai_http.app import create_app, lambda_handler
from customerai_http.cursors import Cursors
from customerai_http.response_cache import ResponseCache
from functions.interactions_api import batches, documents, routes
from functions.interactions_api.settings import Settings

_PROBE_TIMEOUT_SECONDS = 2.0

settings = read_environment(Settings)
schedules = CachedShardSchedules(DynamoDBShardSchedules(settings.settings_table))
interactions = DynamoDBInteractions(settings.interactions_table, schedules)
keys = DynamoDBIdempotencyKeys(settings.idempotency_table)
pools = pools_of(settings.cache_url, settings.cache_reader_url, settings.cache_iam_name)
responses = ResponseCache(RedisCache(pools))
app = create_app(
    "Interactions",
    # In the order of how often they are asked: routes are looked through one by one.
    routes.build_router(
        interactions=interactions,
        keys=keys,
        cursors=Cursors(partial(read_secret, settings.cursor_secret_arn)),
        responses=responses,
    ),
    batches.build_router(interactions=interactions, keys=keys, responses=responses),
    documents.build_router(
        {
            "store": interactions.probe,
            "queue": SQSAnalysisQueue(settings.analysis_queue_url).probe,
            "model": SageMakerTextAnalyser(settings.model_endpoint, _PROBE_TIMEOUT_SECONDS).probe,
        }
    ),
)
handler = lambda_handler(
    app,
    first_needed=("customerai.adapters.dynamodb.models", "customerai.adapters.redis.connections"),
)
