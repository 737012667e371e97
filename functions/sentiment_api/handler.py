"""Composition: adapters, routes, application."""

from customerai.adapters.cached_text_analyser import CachedTextAnalyser
from customerai.adapters.dynamodb.taxonomies import DynamoDBTaxonomies
from customerai.adapters.redis import RedisCache
from customerai.adapters.redis.opened import pools_of
from customerai.adapters.sagemaker.text_analyser import SageMakerTextAnalyser, model_breaker
from customerai.adapters.static_analyser import StaticAnalyser, StaticModel
from customerai.environment import read_environment
from customerai.resilience.shedding import Priority
from customerai_http.app import create_app, lambda_handler
from customerai_http.response_cache import ResponseCache
from functions.sentiment_api import routes, taxonomy
from functions.sentiment_api.settings import Settings

_ANSWER_SECONDS = 1.8
"""From a request to its answer, by the endpoint or without it; the gateway needs a little too."""


def _load_static_model() -> StaticModel:
    # Not before it is needed: numpy would slow every cold start.
    from customerai_static import StaticSentiment

    return StaticSentiment.load()


settings = read_environment(Settings)
taxonomies = DynamoDBTaxonomies(settings.settings_table)
pools = pools_of(settings.cache_url, settings.cache_reader_url, settings.cache_iam_name)
cache = RedisCache(pools)
analyser = SageMakerTextAnalyser(
    settings.model_endpoint,
    _ANSWER_SECONDS,
    priority=Priority.CRITICAL,
    breaker=model_breaker(),
)
app = create_app(
    "Sentiment",
    routes.build_router(
        analyser=CachedTextAnalyser.over(analyser, settings.model_endpoint, cache),
        fallback=StaticAnalyser(_load_static_model),
        taxonomies=taxonomies,
        answer_seconds=_ANSWER_SECONDS,
    ),
    taxonomy.build_router(taxonomies=taxonomies, responses=ResponseCache(cache)),
)
handler = lambda_handler(
    app, first_needed=("customerai.adapters.redis.connections", "customerai_static")
)
