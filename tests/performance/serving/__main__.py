"""`make bench-serving`: the raw ceiling, ours, and the peers, in one run."""

from __future__ import annotations

import signal
import statistics
import sys
from typing import Any, NoReturn

from rich.console import Console

from models.encoder.tokens import WindowTokenizer
from tests.performance.serving import client, environments, machine
from tests.performance.serving.artifact import Artifact, load, sentiment_folder
from tests.performance.serving.bench import Bench
from tests.performance.serving.plan import Plan, parse
from tests.performance.serving.processes import ServerError
from tests.performance.serving.report import assemble, write
from tests.performance.serving.summary import NothingAnsweredError, percentile
from tests.performance.serving.tables import show
from tests.performance.serving.texts import generate, read

_NOISY = 0.1
_WIDTH = 200


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; return 1 where it failed or, asked to check, a target is missed."""
    plan = parse(arguments)
    # So that the servers are stopped on the way out, as they are on Ctrl-C.
    signal.signal(signal.SIGTERM, _leave)
    progress = Console(stderr=True, soft_wrap=True)
    client.raise_file_limit()
    try:
        folder = plan.artifact or sentiment_folder("full")
        if folder is None:
            raise FileNotFoundError("there is no artefact of the tier full")
        artifact = load(folder.resolve())
        texts = read(plan.texts_file, plan.texts) if plan.texts_file else generate(plan.texts)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    busy = machine.busy_share()
    if busy is not None and busy > _NOISY:
        progress.print(f"others use {busy:.0%} of this machine: don't trust what follows")
    tokenizer = WindowTokenizer(artifact.tokenizer, artifact.window_tokens)
    windows = [[len(window) for window in of_text] for of_text in tokenizer.encode(texts)]
    bench = Bench(plan, artifact, texts, [sum(of_text) for of_text in windows], progress)
    try:
        bench.run()
    except (ServerError, NothingAnsweredError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; nothing was written", file=sys.stderr)
        return 130
    report = assemble(bench.results, _about(plan, artifact, windows, busy))
    write(report, plan.report)
    show(report, Console(width=None if sys.stdout.isatty() else _WIDTH))
    if bench.results.failed:
        print(f"error: {bench.results.failed}", file=sys.stderr)
        return 1
    return _checked(report) if plan.check else 0


def _leave(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _about(
    plan: Plan, artifact: Artifact, windows: list[list[int]], busy: float | None
) -> dict[str, Any]:
    tokens = sorted(map(sum, windows))
    return {
        "model": artifact.version,
        "texts": {
            "count": len(windows),
            "source": plan.texts_file.name if plan.texts_file else "generated",
            "mean": round(statistics.mean(tokens), 1),
            "median": round(statistics.median(tokens)),
            "p95": percentile(tokens, 0.95),
            "longest": tokens[-1],
            "windows_per_text": round(sum(map(len, windows)) / len(windows), 3),
        },
        "machine": machine.describe() | {"busy_before": busy},
        "peer_packages": {name: environments.installed(name) for name in plan.peers},
        "options": {
            "seconds": plan.seconds,
            "rounds": plan.rounds,
            "concurrency": list(plan.concurrency),
            "beyond": list(plan.beyond),
            "tuning_seconds": plan.tuning_seconds,
            "overload_seconds": plan.overload_seconds,
            "deadline_ms": plan.deadline * 1e3,
            "most_client_connections": client.most_connections(),
        },
    }


def _checked(report: dict[str, Any]) -> int:
    missed = [entry for entry in report["targets"] if not entry["met"]]
    for entry in missed:
        value = "not measured" if entry["value"] is None else f"{entry['value']:.3g}"
        print(f"target missed: {entry['what']}: {value}, not {entry['sign']} {entry['limit']:g}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
