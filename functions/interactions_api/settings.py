"""What this function reads from its environment."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    interactions_table: str
    idempotency_table: str
    settings_table: str
    analysis_queue_url: str
    model_endpoint: str
    cursor_secret_arn: str
    cache_url: str
    cache_reader_url: str
    cache_iam_name: str
