"""What this function reads from its environment."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    model_endpoint: str
    settings_table: str
