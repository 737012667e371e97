"""The tables of the model card, written from the locks of the artefacts.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; prose around it is people's. Where
the locks have no figures for a table, nothing stands there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
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
        return match[1] + match[2] + "".join(f"{line}\n" for line in TABLES[match[1]](locks))

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
    rows = [
        _row(
            tier,
            axis,
            report["all"]["pairs"],
            *(_share(report["all"][figure]) for figure in figures),
            *_most_biased(report["groups"]),
        )
        for tier, lock in locks.items()
        for axis, report in lock["metrics"].get("fairness", {}).items()
    ]
    columns = ("tier", "axis", "pairs", *figures, "largest bias", "of the group")
    yield from _table(columns, rows)


def _most_biased(groups: Mapping[str, Mapping[str, float]]) -> tuple[str, str]:
    name = max(groups, key=lambda group: abs(groups[group]["bias"]))
    return f"{groups[name]['bias']:+.4f}", name


def _unfair(locks: Mapping[str, Lock]) -> Iterable[str]:
    """Limits that a tier in service exceeds, which somebody accepted."""
    rows = [
        _row(tier, breach, accepted["reason"])
        for tier, lock in locks.items()
        if (accepted := lock["metrics"].get("fairness_accepted"))
        for breach in accepted["breaches"]
    ]
    columns = ("tier", "beyond its limit", "accepted because")
    yield from _table(columns, rows, "In service although beyond some of its limits:")


def _compression(locks: Mapping[str, Lock]) -> Iterable[str]:
    """One network in several number formats, as `compare --keep` found it."""
    kept = locks["full"]["metrics"].get("compression", {})
    rows = [
        _row(
            name,
            f"{row['bytes'] / 1e6:.1f}",
            file,
            measured["n"],
            *(_share(measured[figure]) for figure in ("accuracy", "macro_f1", "ece")),
            f"{row['latency_p50_ms']:.2f}",
            f"{row['texts_per_s']:.0f}",
            f"{row['speed_ratio']:.2f}",
        )
        for name, row in kept.get("formats", {}).items()
        for file, measured in row["dev"].items()
    ]
    columns = ("format", "MB", "dev file", "n", "accuracy", "macro-F1", "ECE", "p50 ms", "texts/s")
    yield from _table((*columns, "speed"), rows, "Number formats of `full`, side by side:")
    if rows:
        yield ""
        yield f"FP32 is {kept['fp32_weights']}; one thread of {kept['machine']}."


def _cascade(locks: Mapping[str, Lock]) -> Iterable[str]:
    """What the cascade saves and loses; nothing where it was fitted to other versions than those
    in service, because then it saves nothing."""
    if not {"static", "full"} <= locks.keys():
        return
    kept = locks["static"]["cascade"]
    if any(kept.get(tier) != locks[tier]["version"] for tier in ("static", "full")):
        return
    outcomes = {**kept.get("files", {}), "all": kept}
    figures = ("answered_by_static", "accuracy", "accuracy_of_full", "lost")
    rows = [
        _row(file, outcome["n"], *(_share(outcome[figure]) for figure in figures))
        for file, outcome in outcomes.items()
    ]
    columns = ("texts", "n", "answered by static", "accuracy", "accuracy of full", "lost")
    yield from _table(columns, rows, "What the cascade saves and loses:")
    yield ""
    yield (
        f"`static` answers from {kept['sure_above']:g} on. Processor time of a text against "
        f"`full`: `static` {_share(kept['cost_of_static'])}, "
        f"the cascade {_share(kept['cost_of_cascade'])}."
    )


def _runs(locks: Mapping[str, Lock]) -> Iterable[str]:
    """The runs behind the weights of `full`, oldest first, as its lock has them."""
    last = locks["full"]["training"]
    rows = []
    for number, run in enumerate([*last.get("continues", []), last], start=1):
        if "average" in run:
            shares = ", ".join(f"{share:g} × {name}" for name, share in run["average"].items())
            rows.append(_row(number, "mean of weights", "", "", "", shares))
        elif "steps" in run:
            emphasis = ", ".join(f"{name} {factor:g}" for name, factor in run["emphasis"])
            steps = f"{run.get('steps_done', run['steps'])} × {run['batch_size']}"
            rate = f"{run['learning_rate']:g}"
            # Runs of before the token head say nothing of it.
            aspects = run.get("aspect_every", 0) or "never"
            rows.append(_row(number, run["version"], steps, rate, aspects, emphasis))
    columns = ("run", "version", "steps done × batch", "peak rate", "aspects every … steps")
    yield from _table((*columns, "emphasis"), rows)


def _students(locks: Mapping[str, Lock]) -> Iterable[str]:
    """Whom the tiers that are distilled learned from, and how long."""
    rows = []
    for tier, lock in locks.items():
        run = lock.get("training", {})
        teacher = run.get("teacher")
        if teacher:
            name = teacher["version"] if isinstance(teacher, Mapping) else teacher
            steps = f"{run.get('steps_done', run['steps'])} × {run['batch_size']}"
            rows.append(_row(tier, name, steps, run.get("taught", "all that were drawn")))
    columns = ("tier", "teacher", "steps done × batch", "texts it was asked about")
    yield from _table(columns, rows, "Whom the distilled tiers learned from:")


def _table(columns: Sequence[str], rows: Sequence[str], above: str = "") -> Iterable[str]:
    """A table under a line of its own, or nothing where it has no rows."""
    if rows:
        if above:
            yield above
            yield ""
        yield from _head(*columns)
        yield from rows


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
    "unfair": _unfair,
    "compression": _compression,
    "cascade": _cascade,
    "runs": _runs,
    "students": _students,
}
"""How each table is made of the locks."""
