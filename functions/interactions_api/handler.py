"""Composition: adapters, routes, application."""

from functools import partial

from fastapi import APIRouter

from customerai.adapters.dynamodb.idempotency import DynamoDBIdempotencyKeys
from customerai.adapters.dynamodb.interactions import DynamoDBInteractions
from customerai.adapters.sagemaker.text_analyser import SageMakerTextAnalyser
from customerai.adapters.secrets import read_secret
from customerai.adapters.sqs.analysis_queue import SQSAnalysisQueue
from customerai.environment import read_environment
from customerai_http.app import create_app, lambda_handler
from customerai_http.cursors import Cursors
from functions.interactions_api import documents, routes
from functions.interactions_api.settings import Settings

_PROBE_TIMEOUT_SECONDS = 2.0

settings = read_environment(Settings)
interactions = DynamoDBInteractions(settings.interactions_table)
router = APIRouter()
router.include_router(
    documents.build_router(
        {
            "store": interactions.probe,
            "queue": SQSAnalysisQueue(settings.analysis_queue_url).probe,
            "model": SageMakerTextAnalyser(settings.model_endpoint, _PROBE_TIMEOUT_SECONDS).probe,
        }
    )
)
router.include_router(
    routes.build_router(
        interactions=interactions,
        keys=DynamoDBIdempotencyKeys(settings.idempotency_table),
        cursors=Cursors(partial(read_secret, settings.cursor_secret_arn)),
    )
)
app = create_app("Interactions", router)
handler = lambda_handler(app)
