"""What this function reads from its environment."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    interactions_table: str
    analysis_queue_url: str
    pending_age_seconds: float
    """What was received longer ago than this, and is not analysed, is sent again."""
