"""Every field of a settings dataclass as an option of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

Settings = TypeVar("Settings")


def add_options(parser: argparse.ArgumentParser, settings: type[Any]) -> None:
    """Add one option for each field: `batch_size` becomes `--batch-size`.

    `--version` has to be given: it is recorded beside everything that the model analyses, so each
    model needs a name of its own.
    """
    for field in fields(settings):
        parser.add_argument(
            "--" + field.name.replace("_", "-"),
            type=_PARSERS[str(field.type)],
            required=field.name == "version",
        )


def add_artifact(parser: argparse.ArgumentParser) -> None:
    """Add `--artifact`, the folder that a run writes."""
    parser.add_argument(
        "--artifact",
        type=Path,
        required=True,
        help="folder of the new artefact, not one that is in service: `promote` puts it there",
    )


def from_options(options: argparse.Namespace, defaults: Settings) -> Settings:
    """Return `defaults` with what the command line gives."""
    given = {field.name: getattr(options, field.name) for field in fields(defaults)}  # type: ignore[arg-type]
    changed = {name: value for name, value in given.items() if value is not None}
    return replace(defaults, **changed)  # type: ignore[type-var]


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in _names(text))


def _factors(text: str) -> tuple[tuple[str, float], ...]:
    pairs = (pair.partition("=") for pair in _names(text))
    return tuple((name, float(factor)) for name, _, factor in pairs)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


_PARSERS: dict[str, Callable[[str], object]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": _boolean,
    "tuple[str, ...]": _names,
    "tuple[int, ...]": _numbers,
    "tuple[tuple[str, float], ...]": _factors,
}
