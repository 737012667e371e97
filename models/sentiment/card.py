"""The tables of the model card, written from the locks of the artefacts.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; prose around it is people's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from customerai_static.artifact import ARTIFACT as STATIC_ARTIFACT
from models.artifacts import LOCK_FILE
from models.sentiment.tiers import ARTIFACTS

CARD = Path(__file__).parent / "MODEL_CARD.md"

_TABLE = re.compile(r"(?<=<!-- table: )(\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)

Lock = Mapping[str, Any]


class UnknownTableError(Exception):
    """The card asks for a table that is not known here."""


def read_locks() -> dict[str, Lock]:
    """Return the locks of the committed tiers by name; files are not held against them here."""
    folders = {tier: ARTIFACTS / tier for tier in ("full", "fast")} | {"static": STATIC_ARTIFACT}
    return {
        tier: json.loads((folder / LOCK_FILE).read_text(encoding="utf-8"))
        for tier, folder in folders.items()
        if (folder / LOCK_FILE).is_file()
    }


def render(card: str, locks: Mapping[str, Lock]) -> str:
    """Return the card with every table written anew.

    Raises:
        UnknownTableError: a table's name is not one of TABLES.
    """

    def table(match: re.Match[str]) -> str:
        if match[1] not in TABLES:
            raise UnknownTableError(f"{match[1]}: not one of {', '.join(TABLES)}")
        return match[1] + match[2] + "\n".join(TABLES[match[1]](locks)) + "\n"

    return _TABLE.sub(table, card)


def _served(lock: Lock) -> Mapping[str, Any]:
    """What the tier scores as it is served."""
    metrics: Mapping[str, Any] = lock["metrics"]
    served: Mapping[str, Any] = metrics.get("calibrated", metrics)
    return served


def _by_source(report: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {"all": report, **report["sources"]}


def _artefacts(locks: Mapping[str, Lock]) -> Iterable[str]:
    yield from _head("tier", "version", "files, MB", "temperature", "abstains below")
    for tier, lock in locks.items():
        weight = sum(file["bytes"] for file in lock["files"].values()) / 1e6
        yield _row(
            tier, lock["version"], f"{weight:.1f}", lock["temperature"], lock["abstain_below"]
        )


def _figures(locks: Mapping[str, Lock]) -> Iterable[str]:
    lock = locks["full"]
    served, fp32 = _by_source(_served(lock)), _by_source(lock["metrics"]["fp32"])
    yield from _head(
        "source",
        "n",
        *("accuracy", "macro-F1", "macro-recall", "ECE", "FP32 accuracy", "FP32 macro-F1"),
    )
    for name, report in served.items():
        yield _row(
            name,
            report["n"],
            *(_share(report[figure]) for figure in ("accuracy", "macro_f1", "macro_recall", "ece")),
            *(_share(fp32[name][figure]) for figure in ("accuracy", "macro_f1")),
        )


def _tiers(locks: Mapping[str, Lock]) -> Iterable[str]:
    reports = {tier: _by_source(_served(lock)) for tier, lock in locks.items()}
    yield from _head(
        "source", *(f"{tier} {figure}" for tier in reports for figure in ("accuracy", "macro-F1"))
    )
    for name in reports["full"]:
        yield _row(
            name,
            *(
                _share(report[name][figure])
                for report in reports.values()
                for figure in ("accuracy", "macro_f1")
            ),
        )


def _aspects(locks: Mapping[str, Lock]) -> Iterable[str]:
    aspects = locks["full"]["metrics"]["aspects"]
    figures = ("accuracy", "macro_f1", "span_precision", "span_recall", "span_f1")
    yield from _head("weights", "domain", "aspects", *figures)
    for weights in ("int8", "fp32"):
        for domain, report in aspects[weights].items():
            shares = (_share(report[figure]) for figure in figures)
            yield _row(weights, domain, report["aspects"], *shares)


def _fairness(locks: Mapping[str, Lock]) -> Iterable[str]:
    figures = ("flip_rate", "mean_shift", "p95_shift", "most_shift")
    yield from _head("axis", "pairs", *figures)
    for axis, report in locks["full"]["metrics"]["fairness"].items():
        shares = (_share(report["all"][figure]) for figure in figures)
        yield _row(axis, report["all"]["pairs"], *shares)


def _head(*columns: str) -> Iterable[str]:
    yield _row(*columns)
    yield "|---" * len(columns) + "|"


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _share(figure: float) -> str:
    return f"{figure:.4f}"


TABLES: dict[str, Callable[[Mapping[str, Lock]], Iterable[str]]] = {
    "artefacts": _artefacts,
    "figures": _figures,
    "tiers": _tiers,
    "aspects": _aspects,
    "fairness": _fairness,
}
"""How each table is made of the locks."""
