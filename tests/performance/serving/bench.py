"""A run: settings are tuned, then rounds go over everything in turn.

On a machine whose speed drifts, things measured minutes apart don't compare. So every round
measures all of them, each round begins with another one, and the ceiling is taken right before and
right after ours; what is reported is the median over the rounds, with their spread.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.performance.serving import ceiling, client, environments, machine, subjects
from tests.performance.serving.arrivals import poisson
from tests.performance.serving.artifact import Artifact
from tests.performance.serving.peers.sentiment import Sentiment
from tests.performance.serving.plan import CEILING, OURS, Plan
from tests.performance.serving.processes import PATH, ServerError, ask, free_port, server
from tests.performance.serving.raw import label_all
from tests.performance.serving.report import Results
from tests.performance.serving.summary import Cell, NothingAnsweredError, cell, overload

_DEADLINE_HEADER = "X-Amzn-SageMaker-Custom-Attributes"
_TUNING_CONCURRENCY = 32
_FINALISTS = 2
_OVERLOAD = 2.0
_MOST_CONNECTIONS = 900
"""Below the usual limit of 1,024 open files."""

_LABEL = re.compile(r'"label":\s*"(\w+)"')
_COMPARED = 24
_AGREEMENT = 0.9
"""Quantised activations depend on what shares a batch, so a borderline text may go either way."""


class Bench:
    """One run of a plan; `results` grows while it goes on."""

    def __init__(
        self, plan: Plan, artifact: Artifact, texts: Sequence[str], progress: Console
    ) -> None:
        """Prepare a run.

        Args:
            plan: what to do.
            artifact: what everything serves.
            texts: one a request, in this order, again and again.
            progress: where a line for each thing done goes.
        """
        self.results = Results()
        self._plan = plan
        self._artifact = artifact
        self._ours = subjects.ours(plan.artifact)
        self._texts = list(texts)
        self._bodies = [json.dumps({"texts": [text]}).encode() for text in texts]
        self._requests = [client.post(PATH, body) for body in self._bodies]
        self._progress = progress
        self._logs = environments.FOLDER / "logs"
        self._started = time.monotonic()
        self._expected: list[str] = []

    def run(self) -> None:
        """Tune, measure round by round, then overload ours."""
        with tempfile.TemporaryDirectory() as folder:
            texts = Path(folder) / "texts.json"
            texts.write_text(json.dumps(self._texts), encoding="utf-8")
            raw = self._tune_ceiling(texts) if CEILING in self._plan.only else []
            chosen = [self._ours] if OURS in self._plan.only else []
            chosen += [best for name in self._plan.peers if (best := self._tune(name))]
            for index in range(self._plan.rounds):
                turn = index % max(len(chosen), 1)
                order = chosen[turn:] + chosen[:turn]
                self._round(f"round {index + 1}/{self._plan.rounds}", order, raw, texts)
        if OURS in self._plan.only:
            self._overload()

    def _round(
        self,
        title: str,
        order: list[subjects.Subject],
        raw: list[ceiling.RawSetting],
        texts: Path,
    ) -> None:
        around: list[float] = []
        if raw and OURS not in self._plan.only:
            around.append(self._ceiling(raw, texts))
        for subject in order:
            if raw and subject.name == OURS:
                around.append(self._ceiling(raw, texts))
            try:
                self._measure(title, subject)
            except (ServerError, NothingAnsweredError) as error:
                if subject.name == OURS:
                    raise
                self.results.absent[subject.name] = str(error)
                self.results.cells.pop(subject.name, None)
                self._say(f"{title} · {subject.name} failed: {error}")
            if raw and subject.name == OURS:
                around.append(self._ceiling(raw, texts))
        if around:
            self.results.ceiling.append(sum(around) / len(around))
            self._say(f"{title} · ceiling: {self.results.ceiling[-1]:.0f} texts/s")

    def _measure(self, title: str, subject: subjects.Subject) -> None:
        if subject.name in self.results.absent:
            return
        with self._serve(subject) as port:
            for concurrency in self._plan.concurrency:
                measured = self._closed(port, concurrency, self._plan.seconds)
                self.results.add(subject.name, concurrency, measured)
                self._say(
                    f"{title} · {subject.name} at {concurrency}: "
                    f"{measured.requests_per_s:.0f} requests/s, p50 {measured.p50_ms:.1f} ms"
                )

    def _closed(self, port: int, concurrency: int, seconds: float) -> Cell:
        connect = client.loopback(port)
        return cell(
            client.closed_loop(connect, self._requests, concurrency, seconds, self._plan.warm_up)
        )

    @contextmanager
    def _serve(self, subject: subjects.Subject) -> Iterator[int]:
        port = free_port()
        log = self._logs / f"{subject.name}.log"
        compared = json.dumps({"texts": [self._texts[0]]}).encode()
        with server(
            subject.command(port), subject.environment, log, port, compared
        ) as first_answer:
            if f'"{self._artifact.version}"' not in first_answer:
                raise ServerError(f"does not serve {self._artifact.version}: {first_answer[:300]}")
            self._compare(subject.name, port)
            yield port

    def _compare(self, name: str, port: int) -> None:
        """Make sure that it answers what the raw encoder answers.

        Raises:
            ServerError: it doesn't.
        """
        if not self._expected:
            model = Sentiment(self._artifact.folder, threads=1)
            self._expected = label_all(model, self._texts[:_COMPARED], 4, 1.15)
        answers = [ask(port, body)[1] for body in self._bodies[:_COMPARED]]
        labels = [found[1] if (found := _LABEL.search(answer)) else answer for answer in answers]
        same = sum(map(str.__eq__, labels, self._expected))
        if same < _AGREEMENT * len(self._expected):
            raise ServerError(
                f"{name} agrees with the encoder on {same} of {len(self._expected)} texts only"
            )

    def _tune_ceiling(self, texts: Path) -> list[ceiling.RawSetting]:
        """Return the fastest settings; each round takes the best of them."""
        seconds = self._plan.tuning_seconds
        tried = ceiling.settings(machine.cores(), all_of_them=seconds > 0)
        if not seconds:
            return tried
        rates: dict[ceiling.RawSetting, float] = {}
        for (processes, threads), same in groupby(
            tried, key=lambda setting: (setting.processes, setting.threads)
        ):
            with ceiling.runners(
                self._artifact.folder, texts, processes, threads, self._logs
            ) as started:
                for setting in same:
                    rates[setting] = ceiling.measure(started, setting, seconds)
                    self._say(f"tuning · ceiling {setting}: {rates[setting]:.0f} texts/s")
        self.results.tuning[CEILING] = [
            {"setting": ceiling.describe(setting), "texts_per_s": rate}
            for setting, rate in rates.items()
        ]
        return sorted(tried, key=lambda setting: -rates[setting])[:_FINALISTS]

    def _ceiling(self, raw: list[ceiling.RawSetting], texts: Path) -> float:
        rates = {
            setting: ceiling.run(
                self._artifact.folder, texts, setting, self._plan.seconds, self._logs
            )
            for setting in raw
        }
        best = max(raw, key=lambda setting: rates[setting])
        self.results.settings[CEILING] = ceiling.describe(best)
        return rates[best]

    def _tune(self, name: str) -> subjects.Subject | None:
        """Return a peer in its best setting, or None where it can't be had."""
        self._say(f"environment of {name}")
        try:
            python = environments.prepare(name)
        except environments.AbsentError as error:
            self.results.absent[name] = str(error)
            self._say(f"{name} is absent, its packages can't be installed: {error}")
            return None
        tried = subjects.candidates(name, python, self._artifact.folder, machine.cores())
        best = tried[0]
        if self._plan.tuning_seconds:
            entries = [(self._try(subject), subject) for subject in tried]
            working = [entry for entry in entries if entry[0] > 0]
            if not working:
                self.results.absent[name] = self.results.tuning[name][-1]["failed"]
                return None
            best = max(working, key=lambda entry: entry[0])[1]
        self.results.settings[name] = best.setting
        return best

    def _try(self, subject: subjects.Subject) -> float:
        """Return a setting's throughput at 32, 0 where it does not work."""
        entry: dict[str, Any] = {"setting": subject.setting}
        self.results.tuning.setdefault(subject.name, []).append(entry)
        seconds = self._plan.tuning_seconds
        try:
            with self._serve(subject) as port:
                busy = self._closed(port, _TUNING_CONCURRENCY, seconds)
                alone = self._closed(port, 1, seconds)
        except (ServerError, NothingAnsweredError) as error:
            entry["failed"] = str(error)
            self._say(f"tuning · {subject.name} {subject.setting} failed: {error}")
            return 0.0
        entry |= {
            "requests_per_s": busy.requests_per_s,
            "p99_ms": busy.p99_ms,
            "p50_ms_alone": alone.p50_ms,
        }
        self._say(
            f"tuning · {subject.name} {subject.setting}: {busy.requests_per_s:.0f} requests/s, "
            f"alone p50 {alone.p50_ms:.1f} ms"
        )
        return busy.requests_per_s

    def _overload(self) -> None:
        """Offer ours twice its peak, each request with a deadline."""
        deadline = self._plan.deadline
        rate = _OVERLOAD * self.results.peak(OURS)
        headers = {_DEADLINE_HEADER: f"timeout-ms={deadline * 1e3:.0f}"}
        requests = [client.post(PATH, body, headers) for body in self._bodies]
        for index in range(self._plan.rounds):
            with self._serve(self._ours) as port:
                connect = client.loopback(port)
                client.closed_loop(connect, self._requests, _TUNING_CONCURRENCY, self._plan.warm_up)
                load = client.open_loop(
                    connect,
                    requests,
                    poisson(rate, self._plan.overload_seconds, seed=index),
                    _MOST_CONNECTIONS,
                    patience=deadline + 2.0,
                )
            seen = overload(load, deadline)
            self.results.overload.append(seen)
            self._say(
                f"overload {index + 1}/{self._plan.rounds} · {seen.offered_per_s:.0f}/s offered, "
                f"{seen.goodput_per_s:.0f}/s answered in time, {seen.missed} too late"
            )

    def _say(self, what: str) -> None:
        elapsed = time.monotonic() - self._started
        self._progress.print(f"{elapsed:5.0f} s  {what}", markup=False, highlight=False)
