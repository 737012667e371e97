"""Composition: adapters, routes, application."""

from fastapi import APIRouter

from customerai.adapters.dynamodb.taxonomies import DynamoDBTaxonomies
from customerai.adapters.sagemaker.text_analyser import SageMakerTextAnalyser
from customerai.adapters.static_analyser import StaticAnalyser, StaticModel
from customerai.environment import read_environment
from customerai_http.app import create_app, lambda_handler
from functions.sentiment_api import routes, taxonomy
from functions.sentiment_api.settings import Settings

_TIMEOUT_SECONDS = 20.0


def _load_static_model() -> StaticModel:
    # Not before it is needed: numpy would slow every cold start.
    from customerai_static import StaticSentiment

    return StaticSentiment.load()


settings = read_environment(Settings)
taxonomies = DynamoDBTaxonomies(settings.settings_table)
router = APIRouter()
router.include_router(
    routes.build_router(
        analyser=SageMakerTextAnalyser(settings.model_endpoint, _TIMEOUT_SECONDS),
        fallback=StaticAnalyser(_load_static_model),
        taxonomies=taxonomies,
    )
)
router.include_router(taxonomy.build_router(taxonomies=taxonomies))
app = create_app("Sentiment", router)
handler = lambda_handler(app)
