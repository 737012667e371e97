"""Composition: adapters, routes, application."""

from fastapi import APIRouter

from customerai.adapters import aws
from customerai.adapters.bounded_taxonomies import BoundedTaxonomies
from customerai.adapters.dynamodb.taxonomies import DynamoDBTaxonomies
from customerai.adapters.sagemaker.text_analyser import SageMakerTextAnalyser
from customerai.adapters.static_analyser import StaticAnalyser, StaticModel
from customerai.environment import read_environment
from customerai_http.app import create_app, lambda_handler
from functions.sentiment_api import routes, taxonomy
from functions.sentiment_api.settings import Settings

_ANSWER_SECONDS = 1.8
"""From a request to its answer, by the endpoint or without it; the gateway needs a little too."""
_STORE_SECONDS = 1.0
"""Of these, what reading a taxonomy may take."""


def _load_static_model() -> StaticModel:
    # Not before it is needed: numpy would slow every cold start.
    from customerai_static import StaticSentiment

    return StaticSentiment.load()


settings = read_environment(Settings)
taxonomies = DynamoDBTaxonomies(settings.settings_table)
analyser = SageMakerTextAnalyser(settings.model_endpoint, _ANSWER_SECONDS)
# While nobody waits: making a client takes longer than most calls.
analyser.connect()
aws.dynamodb()
router = APIRouter()
router.include_router(
    routes.build_router(
        analyser=analyser,
        fallback=StaticAnalyser(_load_static_model),
        taxonomies=BoundedTaxonomies(taxonomies, _STORE_SECONDS),
        answer_seconds=_ANSWER_SECONDS,
    )
)
router.include_router(taxonomy.build_router(taxonomies=taxonomies))
app = create_app("Sentiment", router)
handler = lambda_handler(app)
