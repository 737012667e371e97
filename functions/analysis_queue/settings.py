"""What this function reads from its environment."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    interactions_table: str
    model_endpoint: str
    settings_table: str
