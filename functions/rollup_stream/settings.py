"""What this function reads from its environment."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    rollups_table: str
    analysis_queue_url: str
    dead_records_bucket: str
