"""Composition: adapters, routes, application."""

from customerai.adapters.dynamodb.interactions import DynamoDBInteractions
from customerai.adapters.dynamodb.rollups import DynamoDBRollups
from customerai.environment import read_environment
from customerai_http.app import create_app, lambda_handler
from functions.analytics_api import routes
from functions.analytics_api.settings import Settings

settings = read_environment(Settings)
app = create_app(
    "Analytics",
    routes.build_router(
        rollups=DynamoDBRollups(settings.rollups_table),
        states=DynamoDBInteractions(settings.interactions_table),
    ),
)
handler = lambda_handler(app)
