"""Composition: adapters, routes, application."""

from customerai.adapters.cached_shard_schedules import CachedShardSchedules
from customerai.adapters.dynamodb.interactions import DynamoDBInteractions
from customerai.adapters.dynamodb.rollups import DynamoDBRollups
from customerai.adapters.dynamodb.shard_schedules import DynamoDBShardSchedules
from customerai.adapters.redis import RedisCache
from customerai.adapters.redis.opened import pools_of
from customerai.environment import read_environment
from customerai_http.app import create_app, lambda_handler
from customerai_http.response_cache import ResponseCache
from functions.analytics_api import routes
from functions.analytics_api.settings import Settings

settings = read_environment(Settings)
schedules = CachedShardSchedules(DynamoDBShardSchedules(settings.settings_table))
pools = pools_of(settings.cache_url, settings.cache_reader_url, settings.cache_iam_name)
app = create_app(
    "Analytics",
    routes.build_router(
        rollups=DynamoDBRollups(settings.rollups_table, schedules),
        states=DynamoDBInteractions(settings.interactions_table, schedules),
        responses=ResponseCache(RedisCache(pools)),
    ),
)
handler = lambda_handler(app, first_needed=("customerai.adapters.redis.connections",))
