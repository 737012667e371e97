"""Composition: adapters, routes, application."""

from customerai.adapters.sagemaker.sentiment_model import SageMakerSentimentModel
from customerai.environment import read_environment
from customerai_http.app import create_app, lambda_handler
from functions.sentiment_api import routes
from functions.sentiment_api.settings import Settings

_TIMEOUT_SECONDS = 20.0

settings = read_environment(Settings)
app = create_app(
    "Sentiment",
    routes.build_router(model=SageMakerSentimentModel(settings.model_endpoint, _TIMEOUT_SECONDS)),
)
handler = lambda_handler(app)
