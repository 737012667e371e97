"""From what a request asks for to the runs that answer it, and to the response."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np

from customerai.domain.taxonomy import Topic
from models.serving.adapters.sentiment import ASPECTS, SentimentTier, sentiment
from models.serving.engine import Engine
from models.serving.errors import DeadlineError, NotFoundError, RequestError
from models.serving.model import BatchedModel
from models.serving.registry import LoadedModel
from models.serving.wire import AnalyseBody

T = TypeVar("T")

Result = dict[str, Any]

_VECTOR_FEATURES = frozenset({"topics", "intent", "urgency"})
_NEEDS = {
    "topics": "topics",
    "intent": "intents",
    "urgency": "intents",
    "language": "language",
}
_EMBED_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: how long they wait, whose share of the queue it is, on which connection."""

    timeout: float
    client: Hashable = None
    source: Hashable = None


class Analyser:
    """The loaded models behind one engine. To be used from one event loop."""

    def __init__(
        self, loaded: Mapping[str, LoadedModel], engine: Engine, light_characters: int
    ) -> None:
        self._models: dict[str, Any] = {name: each.model for name, each in loaded.items()}
        self._engine = engine
        self._light = light_characters
        self._aside = ThreadPoolExecutor(2, "aside")
        self._matcher = (
            self._models["topics"](self._embed_from_thread) if "topics" in self._models else None
        )

    def close(self) -> None:
        self._aside.shutdown(cancel_futures=True)

    def batched(self, name: str) -> BatchedModel:
        """Return the model of this name.

        Raises:
            NotFoundError: there is none here, or none that takes texts by itself.
        """
        model: BatchedModel | None = self._models.get(name)
        if model is None or not hasattr(model, "lanes"):
            raise NotFoundError(f"model: this server has none called {name!r}")
        return model

    async def answer(self, name: str, texts: Sequence[str], caller: Caller) -> Result:
        """Return what one model says of each text, under the name that it has for that."""
        model = self.batched(name)
        work = await self._units(model, texts)
        answers = await self._run(model.name, work, caller)
        joined = await self._beside(
            texts, lambda: [model.join(u, a) for u, a in zip(work, answers, strict=True)]
        )
        return {"model": model.version, model.field: joined}

    async def analyse(self, asked: AnalyseBody, caller: Caller) -> Result:
        """Return the response of `/invocations`.

        A cascade whose request includes aspects is answered by `full` alone: it runs for the
        aspects anyway.

        Raises:
            RequestError: it asks for what this server has no model for, or was not served.
        """
        if asked.tier == "full" and not asked.include:
            return await self._plain(asked.texts, caller)
        self._check(asked)
        ends = time.monotonic() + caller.timeout

        def left() -> Caller:
            seconds = ends - time.monotonic()
            if seconds <= 0:
                raise DeadlineError("the deadline passed before the answer was there")
            return Caller(seconds, caller.client, caller.source)

        version, results = await self._sentiment(asked, left)
        if asked.include & _VECTOR_FEATURES:
            await self._from_vectors(asked, results, left)
        if "language" in asked.include:
            await self._language(asked.texts, results)
        return {"model": version, "results": results}

    async def _plain(self, texts: Sequence[str], caller: Caller) -> Result:
        """The shortest way, which most requests take."""
        tier = self._tier("full")
        work = await self._units(tier, texts)
        answers = await self._run(tier.name, work, caller)
        return {"model": tier.version, "results": self._results(tier, work, answers)}

    async def _sentiment(
        self, asked: AnalyseBody, left: Callable[[], Caller]
    ) -> tuple[str, list[Result]]:
        texts, aspects = asked.texts, "aspects" in asked.include
        if asked.tier == "cascade":
            if not aspects:
                return await self._cascade(texts, left)
            version = self._cascade_version()
        else:
            version = self._tier(asked.tier).version
        name = "full" if asked.tier == "cascade" else asked.tier
        if not aspects:
            return version, await self._of_tier(name, texts, left())
        full = self._tier("full")
        work = await self._units(full, texts)
        answers = await self._run(full.name + ASPECTS, work, left())
        if name == "full":
            logits = [[row for row, _ in rows] for rows in answers]
            results = self._results(full, work, logits)
        else:
            results = await self._of_tier(name, texts, left())
        found = await self._beside(
            texts, lambda: [full.aspects(t, a) for t, a in zip(texts, answers, strict=True)]
        )
        for result, of_text in zip(results, found, strict=True):
            result["aspects"] = [asdict(aspect) for aspect in of_text]
        return version, results

    async def _of_tier(self, name: str, texts: Sequence[str], caller: Caller) -> list[Result]:
        tier = self._tier(name)
        work = await self._units(tier, texts)
        return self._results(tier, work, await self._run(name, work, caller))

    async def _cascade(
        self, texts: Sequence[str], left: Callable[[], Caller]
    ) -> tuple[str, list[Result]]:
        results = await self._of_tier("static", texts, left())
        sure_above = self._tier("static").sure_above
        unsure = [
            index
            for index, result in enumerate(results)
            if max(result["scores"].values()) < sure_above
        ]
        if unsure:
            better = await self._of_tier("full", [texts[index] for index in unsure], left())
            for index, result in zip(unsure, better, strict=True):
                results[index] = result
        return self._cascade_version(), results

    async def _from_vectors(
        self, asked: AnalyseBody, results: list[Result], left: Callable[[], Caller]
    ) -> None:
        model = self.batched("embeddings")
        work = await self._units(model, asked.texts)
        answers = await self._run(model.name, work, left())
        vectors = np.stack([model.vector(u, a) for u, a in zip(work, answers, strict=True)])  # type: ignore[attr-defined]
        if "topics" in asked.include and asked.topics is not None and self._matcher is not None:
            topics = [Topic(each.id, each.label, tuple(each.examples)) for each in asked.topics]
            # Always beside the event loop: topics that are new here are embedded first.
            loop, matcher = asyncio.get_running_loop(), self._matcher
            try:
                async with asyncio.timeout(left().timeout):
                    found = await loop.run_in_executor(self._aside, matcher.match, vectors, topics)
            except TimeoutError as error:
                raise DeadlineError("the deadline passed before the answer was there") from error
            for result, matches in zip(results, found, strict=True):
                result["topics"] = [asdict(match) for match in matches]
        if asked.include & {"intent", "urgency"}:
            classified = self._models["intents"].classify(vectors)
            for result, (intent, urgency) in zip(results, classified, strict=True):
                if "intent" in asked.include:
                    result["intent"] = intent and asdict(intent)
                if "urgency" in asked.include:
                    result["urgency"] = urgency and asdict(urgency)

    async def _language(self, texts: Sequence[str], results: list[Result]) -> None:
        detect = self._models["language"].detect
        found = await self._beside(texts, lambda: [detect(text) for text in texts])
        for result, language in zip(results, found, strict=True):
            result["language"] = asdict(language)
            if not language.supported:
                result["abstained"] = True

    # --- the models -------------------------------------------------------------------------------

    def _tier(self, name: str) -> Any:
        tier = self._models.get(name)
        if tier is None:
            raise RequestError(f"tier: this server has no model {name!r}")
        return tier

    def _cascade_version(self) -> str:
        return f"{self._tier('static').version}+{self._tier('full').version}"

    def _check(self, asked: AnalyseBody) -> None:
        for name in ("static", "full") if asked.tier == "cascade" else (asked.tier,):
            self._tier(name)
        if "aspects" in asked.include:
            full: SentimentTier | None = self._models.get("full")
            if full is None or not full.finds_aspects:
                raise RequestError("include: this server's models find no aspects")
        for feature in sorted(asked.include - {"aspects"}):
            if _NEEDS[feature] not in self._models:
                raise RequestError(f"include: this server has no model for {feature!r}")

    @staticmethod
    def _results(tier: Any, work: Sequence[Any], answers: Sequence[Any]) -> list[Result]:
        results = []
        for units, rows in zip(work, answers, strict=True):
            scores = tier.scores(units, rows)
            result = sentiment(scores)
            result["model"] = tier.version
            result["tier"] = tier.name
            result["abstained"] = max(scores) < tier.abstain_below
            results.append(result)
        return results

    # --- running ----------------------------------------------------------------------------------

    async def _units(self, model: BatchedModel, texts: Sequence[str]) -> list[list[Any]]:
        return await self._beside(texts, lambda: model.units(texts))

    async def _run(
        self, lane: str, work: Sequence[Sequence[Any]], caller: Caller
    ) -> list[list[Any]]:
        """Run each text's units; return each text's answers."""
        units = [(lane, unit) for units in work for unit in units]
        answers = iter(
            await self._engine.run(
                units, timeout=caller.timeout, client=caller.client, source=caller.source
            )
        )
        return [list(itertools.islice(answers, len(units))) for units in work]

    async def _beside(self, texts: Sequence[str], call: Callable[[], T]) -> T:
        """Call at once where the texts are short; beside the event loop where they are long."""
        if sum(map(len, texts)) <= self._light:
            return call()
        return await asyncio.get_running_loop().run_in_executor(self._aside, call)

    def _embed_from_thread(self, texts: Sequence[str]) -> Any:
        """Return embeddings (n, 384), for the topic matcher on a thread of its own."""
        model = self.batched("embeddings")
        work = model.units(texts)
        units = [(model.name, unit) for units in work for unit in units]
        answers = iter(self._engine.run_from_thread(units, timeout=_EMBED_SECONDS))
        return np.stack(
            [model.vector(units, list(itertools.islice(answers, len(units)))) for units in work]  # type: ignore[attr-defined]
        )
