"""Interactions by the usual stack, written as a team would that follows each library's own guide.

FastAPI behind Mangum, plain `def` routes with response models, pynamodb, PyJWT with the key at
hand, pydantic-settings, Powertools for logs and metrics, and the clients that such a function has.
It answers with the same JSON as ours. It is measured from a folder of its own packages, so it
imports nothing of this checkout.
"""

from __future__ import annotations

import json
from datetime import datetime
from itertools import islice
from typing import Annotated, Any
from urllib.request import urlopen

import boto3
import jwt
import redis
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from fastapi import Depends, FastAPI, Header, HTTPException, Query
from mangum import Mangum
from mangum.types import LambdaContext
from pydantic import BaseModel
from pydantic_settings import BaseSettings
from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.models import Model


class Settings(BaseSettings):
    interactions_table: str
    jwks_url: str
    token_issuer: str
    token_audience: str
    tenant_claim: str
    redis_url: str
    aws_region: str


settings = Settings()
logger = Logger()
metrics = Metrics()
cache = redis.Redis.from_url(settings.redis_url)
queue = boto3.client("sqs")
table = boto3.resource("dynamodb").Table(settings.interactions_table)
with urlopen(settings.jwks_url) as _answer:  # noqa: S310 - the benchmark says where
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_json(_answer.read().decode()).keys}


class Row(Model):
    class Meta:
        table_name = settings.interactions_table
        region = settings.aws_region

    pk = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    by_customer = UnicodeAttribute()
    by_channel = UnicodeAttribute()
    by_sentiment = UnicodeAttribute(null=True)
    pending = UnicodeAttribute(null=True)
    customer_id = UnicodeAttribute()
    channel = UnicodeAttribute()
    text = UnicodeAttribute()
    occurred_at = UnicodeAttribute()
    received_at = UnicodeAttribute()
    product = UnicodeAttribute(null=True)
    rating = NumberAttribute(null=True)
    language = UnicodeAttribute(null=True)
    metadata = JSONAttribute(null=True)
    sentiment = UnicodeAttribute(null=True)
    score = NumberAttribute(null=True)
    scores = JSONAttribute(null=True)
    model = UnicodeAttribute(null=True)
    analysis = JSONAttribute(null=True)


class Scores(BaseModel):
    negative: float
    neutral: float
    positive: float


class Sentiment(BaseModel):
    label: str
    scores: Scores
    confidence: float
    abstained: bool
    model: str
    tier: str


class Aspect(BaseModel):
    words: str
    start: int
    end: int
    label: str
    confidence: float


class Topic(BaseModel):
    id: str
    confidence: float


class Match(BaseModel):
    label: str
    confidence: float


class Language(BaseModel):
    code: str
    confidence: float
    supported: bool


class Analysis(BaseModel):
    aspects: list[Aspect] | None
    topics: list[Topic] | None
    taxonomy: str | None
    intent: Match | None
    urgency: Match | None
    language: Language | None


class Interaction(BaseModel):
    id: str
    customer_id: str
    channel: str
    text: str
    occurred_at: datetime
    received_at: datetime
    product: str | None
    rating: float | None
    language: str | None
    metadata: dict[str, str | bool | int | float | None]
    sentiment: Sentiment | None
    analysis: Analysis | None


class InteractionList(BaseModel):
    items: list[Interaction]
    next: str | None


class Principal(BaseModel):
    tenant: str
    scopes: list[str]


def authenticated(authorization: Annotated[str, Header()]) -> Principal:
    token = authorization.removeprefix("Bearer ")
    try:
        claims = jwt.decode(
            token,
            keys[jwt.get_unverified_header(token)["kid"]].key,
            algorithms=["RS256"],
            audience=settings.token_audience,
            issuer=settings.token_issuer,
        )
    except (jwt.PyJWTError, KeyError) as error:
        raise HTTPException(401) from error
    return Principal(tenant=claims[settings.tenant_claim], scopes=claims["scope"].split())


def reader(principal: Annotated[Principal, Depends(authenticated)]) -> Principal:
    if "interactions:read" not in principal.scopes:
        raise HTTPException(403)
    return principal


def to_sentiment(row: Row) -> Sentiment | None:
    if row.sentiment is None:
        return None
    scores = dict(zip(("negative", "neutral", "positive"), row.scores, strict=True))
    return Sentiment(
        label=row.sentiment,
        scores=Scores(**scores),
        confidence=scores[row.sentiment],
        abstained=row.analysis.get("abstained", False),
        model=row.model,
        tier=row.analysis["tier"],
    )


def to_analysis(row: Row) -> Analysis | None:
    if row.analysis is None:
        return None
    found = row.analysis
    return Analysis(
        aspects=[
            Aspect(words=row.text[start:end], start=start, end=end, label=label, confidence=sure)
            for start, end, label, sure in found["aspects"]
        ],
        topics=[Topic(id=topic, confidence=sure) for topic, sure in found["topics"]],
        taxonomy=found["taxonomy"],
        intent=to_match(found["intent"]),
        urgency=to_match(found["urgency"]),
        language=Language(
            **dict(zip(("code", "confidence", "supported"), found["language"], strict=True))
        ),
    )


def to_match(found: list[Any] | None) -> Match | None:
    return Match(label=found[0], confidence=found[1]) if found else None


def to_interaction(row: Row) -> Interaction:
    return Interaction(
        id=row.id,
        customer_id=row.customer_id,
        channel=row.channel,
        text=row.text,
        occurred_at=datetime.fromisoformat(row.occurred_at),
        received_at=datetime.fromisoformat(row.received_at),
        product=row.product,
        rating=row.rating,
        language=row.language,
        metadata=row.metadata or {},
        sentiment=to_sentiment(row),
        analysis=to_analysis(row),
    )


app = FastAPI()


@app.get("/v1/interactions/{interaction_id}", response_model=Interaction)
def read_interaction(
    interaction_id: str, principal: Annotated[Principal, Depends(reader)]
) -> Interaction:
    try:
        return to_interaction(Row.get(f"{principal.tenant}#0", interaction_id))
    except Row.DoesNotExist as error:
        raise HTTPException(404) from error


@app.get("/v1/interactions", response_model=InteractionList)
def list_interactions(
    principal: Annotated[Principal, Depends(reader)],
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> InteractionList:
    rows = Row.query(f"{principal.tenant}#0", scan_index_forward=False, limit=limit)
    items = [to_interaction(row) for row in islice(rows, limit)]
    last = rows.last_evaluated_key
    return InteractionList(items=items, next=json.dumps(last) if last else None)


respond = Mangum(app, lifespan="off")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    answer = respond(event, context)
    http = event["requestContext"]["http"]
    metrics.add_metric("Requests", MetricUnit.Count, 1)
    logger.info("request", method=http["method"], path=http["path"], status=answer["statusCode"])
    return answer
