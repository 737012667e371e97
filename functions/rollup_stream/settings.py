"""What this function reads from its environment."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    rollups_table: str
    settings_table: str
    analysis_queue_url: str
    dead_records_bucket: str
    cache_url: str
    cache_reader_url: str
    cache_iam_name: str
