"""The language a text is in."""

from __future__ import annotations

from pathlib import Path

from models.language.detector import LanguageDetector


def load(name: str, folder: Path | None = None) -> LanguageDetector:  # noqa: ARG001
    return LanguageDetector()
