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
from itertools import chain, groupby
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.performance.serving import budget, ceiling, client, environments, machine, subjects
from tests.performance.serving.arrivals import poisson
from tests.performance.serving.artifact import Artifact
from tests.performance.serving.peers.sentiment import Sentiment
from tests.performance.serving.plan import CEILING, OURS, Plan
from tests.performance.serving.processes import PATH, ServerError, ask, free_port, server
from tests.performance.serving.raw import label_all
from tests.performance.serving.results import Results
from tests.performance.serving.saturation import overload
from tests.performance.serving.summary import Cell, NothingAnsweredError, cell
from tests.performance.serving.tuning import (
    ALONE,
    ALONE_SHARE,
    BUSY,
    FINALISTS,
    Entrant,
    Sample,
    entrants,
    finalists,
)

_DEADLINE_HEADER = b"X-Amzn-SageMaker-Custom-Attributes: timeout-ms=%d\r\n"
_OVERLOAD = 2.0
_PATIENCE = 2.0
"""Seconds beyond the deadline that the client waits for answers."""

_LABEL = re.compile(r'"label":\s*"(\w+)"')
_COMPARED = 24
_AGREEMENT = 0.9
"""Quantised activations depend on what shares a batch, so a borderline text may go either way."""


class ClientLimitError(Exception):
    """The load client came to its own limit: what it saw is not the server's doing."""


def time_left(deadline: float) -> client.Stamp:
    """Return what adds to a request how long the server has for it, in whole milliseconds.

    Args:
        deadline: seconds from when the request was due, whenever the client gets to send it.
    """

    def stamp(request: bytes, waited: float) -> bytes:
        after_request_line = request.index(b"\r\n") + 2
        header = _DEADLINE_HEADER % max(int((deadline - waited) * 1e3), 1)
        return request[:after_request_line] + header + request[after_request_line:]

    return stamp


def hold_to_limit(load: client.Load, limit: int) -> None:
    """Make sure that the client never had all the connections under way that it may have.

    Raises:
        ClientLimitError: it had, so it held requests back that were due.
    """
    if load.most_under_way >= limit:
        raise ClientLimitError(
            f"the load client had all of its {limit} connections under way and held requests back: "
            "raise the limit of open files (ulimit -n) and run again"
        )


class Bench:
    """One run of a plan; `results` grows while it goes on."""

    def __init__(
        self,
        plan: Plan,
        artifact: Artifact,
        texts: Sequence[str],
        tokens: Sequence[int],
        progress: Console,
    ) -> None:
        """Prepare a run.

        Args:
            plan: what to do.
            artifact: what everything serves.
            texts: one a request, in this order, again and again.
            tokens: how many each of them has.
            progress: where a line for each thing done goes.
        """
        self.results = Results()
        self._plan = plan
        self._artifact = artifact
        self._ours = subjects.ours(plan.artifact)
        self._texts = list(texts)
        self._tokens = list(tokens)
        self._bodies = [json.dumps({"texts": [text]}).encode() for text in texts]
        self._requests = [client.post(PATH, body) for body in self._bodies]
        self._progress = progress
        self._logs = environments.FOLDER / "logs"
        self._estimate = budget.estimate(plan, machine.cores())
        self._started = time.monotonic()
        self._expected: list[str] = []

    def run(self) -> None:
        """Tune, measure round by round, then overload ours."""
        interpreters = self._install()
        self._started = time.monotonic()
        self._say(f"this will take about {self._estimate / 60:.1f} minutes on an idle machine")
        with tempfile.TemporaryDirectory() as folder:
            texts = Path(folder) / "texts.json"
            texts.write_text(json.dumps(self._texts), encoding="utf-8")
            raw = self._tune_ceiling(texts) if CEILING in self._plan.only else []
            order: list[list[Entrant]] = []
            if OURS in self._plan.only:
                counts = tuple(sorted({*self._plan.concurrency, *self._plan.beyond}))
                order.append([Entrant(self._ours, counts)])
            order += [self._tune(name, python) for name, python in interpreters.items()]
            for index in range(self._plan.rounds):
                turn = index % max(len(order), 1)
                title = f"round {index + 1}/{self._plan.rounds}"
                self._round(title, [*order[turn:], *order[:turn]], raw, texts)
        for name in interpreters:
            if name not in self.results.cells:
                self.results.absent.setdefault(name, "no setting of it could be measured")
        if OURS in self._plan.only:
            try:
                self._overload()
            except (ClientLimitError, ServerError) as error:
                # The rounds before it are worth showing all the same.
                self.results.overload.clear()
                self.results.failed = f"overload: {error}"

    def _install(self) -> dict[str, Path]:
        """Return the interpreter of each peer that can be had."""
        interpreters: dict[str, Path] = {}
        for name in self._plan.peers:
            self._say(f"environment of {name}")
            try:
                interpreters[name] = environments.prepare(name)
            except environments.AbsentError as error:
                self.results.absent[name] = str(error)
                self._say(f"{name} is absent, its packages can't be installed: {error}")
        return interpreters

    def _round(
        self,
        title: str,
        order: list[list[Entrant]],
        raw: list[ceiling.RawSetting],
        texts: Path,
    ) -> None:
        around: list[ceiling.Rates] = []
        if raw and OURS not in self._plan.only:
            around.append(self._ceiling(raw, texts))
        for entrant in chain.from_iterable(order):
            subject = entrant.subject
            if raw and subject.name == OURS:
                around.append(self._ceiling(raw, texts))
            try:
                self._measure(title, entrant)
            except (ServerError, NothingAnsweredError) as error:
                if subject.name == OURS:
                    raise
                # What it brought before counts: a peer that fails once is not out of the running.
                self.results.trouble.append(f"{title}: {subject.name} {subject.label}: {error}")
                self._say(self.results.trouble[-1])
            if raw and subject.name == OURS:
                around.append(self._ceiling(raw, texts))
        if around:
            self.results.ceiling.append(sum(rates.per_s for rates in around) / len(around))
            self.results.session.append(sum(rates.session_per_s for rates in around) / len(around))
            self._say(
                f"{title} · ceiling: {self.results.ceiling[-1]:.0f} texts/s, "
                f"session.run alone: {self.results.session[-1]:.0f}"
            )

    def _measure(self, title: str, entrant: Entrant) -> None:
        name, label = entrant.subject.name, entrant.subject.label
        with self._serve(entrant.subject) as port:
            for concurrency in entrant.concurrency:
                measured = self._closed(port, concurrency, self._plan.seconds)
                self.results.add(name, concurrency, measured, label)
                self._say(
                    f"{title} · {name} at {concurrency}: "
                    f"{measured.requests_per_s:.0f} requests/s, p50 {measured.p50_ms:.1f} ms"
                )

    def _closed(self, port: int, concurrency: int, seconds: float) -> Cell:
        connect = client.loopback(port)
        load = client.closed_loop(
            connect, self._requests, concurrency, seconds, self._plan.warm_up_at(concurrency)
        )
        return cell(load, self._tokens)

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
        return sorted(tried, key=lambda setting: -rates[setting])[:FINALISTS]

    def _ceiling(self, raw: list[ceiling.RawSetting], texts: Path) -> ceiling.Rates:
        folder, seconds = self._artifact.folder, self._plan.seconds
        rates = {
            setting: ceiling.run(folder, texts, setting, seconds, self._logs) for setting in raw
        }
        best = max(raw, key=lambda setting: rates[setting].per_s)
        self.results.settings[CEILING] = ceiling.describe(best)
        return ceiling.Rates(
            rates[best].per_s, max(found.session_per_s for found in rates.values())
        )

    def _tune(self, name: str, python: Path) -> list[Entrant]:
        """Return a peer in its best settings, or nothing where none of them works."""
        tried = subjects.candidates(name, python, self._artifact.folder, machine.cores())
        concurrency = self._plan.concurrency
        if not self._plan.tuning_seconds:
            chosen = [Entrant(tried[0], concurrency)]
        else:
            samples = self._try("tuning", tried)
            # What won by luck the first time has to win again.
            again = self._try("tuning again", finalists(samples))
            if not (again or samples):
                self.results.absent[name] = self.results.tuning[name][-1]["failed"]
                return []
            chosen = entrants(again or samples, concurrency)
        self.results.settings[name] = [
            {"setting": entrant.subject.setting, "measured_at": list(entrant.concurrency)}
            for entrant in chosen
        ]
        return chosen

    def _try(self, title: str, tried: list[subjects.Subject]) -> list[Sample]:
        """Return what each setting brings, those left out that do not work."""
        found = ((subject, self._sample(title, subject)) for subject in tried)
        return [Sample(subject, *rates) for subject, rates in found if rates]

    def _sample(self, title: str, subject: subjects.Subject) -> tuple[float, float] | None:
        """Return a setting's throughput at 32 and its p50 at 1 in milliseconds."""
        entry: dict[str, Any] = {"setting": subject.setting, "when": title}
        self.results.tuning.setdefault(subject.name, []).append(entry)
        seconds = self._plan.tuning_seconds
        try:
            with self._serve(subject) as port:
                busy = self._closed(port, BUSY, seconds)
                alone = self._closed(port, ALONE, seconds * ALONE_SHARE)
        except (ServerError, NothingAnsweredError) as error:
            entry["failed"] = str(error)
            self._say(f"{title} · {subject.name} {subject.label} failed: {error}")
            return None
        entry |= {
            "requests_per_s": busy.requests_per_s,
            "p99_ms": busy.p99_ms,
            "p50_ms_alone": alone.p50_ms,
        }
        self._say(
            f"{title} · {subject.name} {subject.label}: {busy.requests_per_s:.0f} requests/s, "
            f"alone p50 {alone.p50_ms:.1f} ms"
        )
        return busy.requests_per_s, alone.p50_ms

    def _overload(self) -> None:
        """Offer ours twice its peak, each request with a deadline.

        Raises:
            ClientLimitError: the client had all the connections that it may have.
        """
        plan = self._plan
        rate = _OVERLOAD * self.results.peak().requests_per_s
        warm_up = budget.overload_warm_up(plan)
        arrivals_end = warm_up + plan.overload_seconds + budget.OVERLOAD_TAIL
        limit = client.most_connections()
        for index in range(plan.rounds):
            with self._serve(self._ours) as port:
                connect = client.loopback(port)
                client.closed_loop(connect, self._requests, BUSY, plan.warm_up)
                load = client.open_loop(
                    connect,
                    self._requests,
                    poisson(rate, arrivals_end, seed=index),
                    limit,
                    patience=plan.deadline + _PATIENCE,
                    warm_up=warm_up,
                    seconds=plan.overload_seconds,
                    stamp=time_left(plan.deadline),
                )
            hold_to_limit(load, limit)
            seen = overload(load, plan.deadline, self._tokens)
            self.results.overload.append(seen)
            self._say(
                f"overload {index + 1}/{plan.rounds} · {seen.offered_per_s:.0f}/s offered, "
                f"{seen.goodput_per_s:.0f}/s answered in time, "
                f"{sum(seen.broken.values())} accepted in vain"
            )

    def _say(self, what: str) -> None:
        elapsed = time.monotonic() - self._started
        self._progress.print(
            f"{elapsed:4.0f} of about {self._estimate:.0f} s  {what}",
            markup=False,
            highlight=False,
        )
