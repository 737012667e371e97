"""What this function reads from its environment."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    interactions_table: str
    model_endpoint: str
    settings_table: str
    cache_url: str
    cache_reader_url: str
    cache_iam_name: str
