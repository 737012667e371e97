"""From what a request asks for to the runs that answer it, and to the response."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from customerai.domain.taxonomy import Topic
from models.serving.adapters.sentiment import ASPECTS, sentiment
from models.serving.engine import Engine
from models.serving.errors import NotFoundError, NotServedError
from models.serving.model import BatchedModel
from models.serving.registry import LoadedModel
from models.serving.tickets import Caller, Refusal, Refused, share
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
_ABSTENTIONS: Mapping[str, object] = {
    "abstained": True,
    "aspects": [],
    "topics": [],
    "intent": None,
    "urgency": None,
}
"""What results say of a text in a language that the models do not know."""

_MOST_BESIDE = 32
"""With so many calls beside the event loop, or waiting for it, no more long texts are let in."""


class Analyser:
    """The loaded models behind one engine. To be used from one event loop."""

    def __init__(
        self, loaded: Mapping[str, LoadedModel], engine: Engine, light_characters: int
    ) -> None:
        self._models: dict[str, Any] = {name: each.model for name, each in loaded.items()}
        self._engine = engine
        self._light = light_characters
        self._aside = ThreadPoolExecutor(2, "aside")
        self._beside_now = 0
        if {"static", "full"} <= self._models.keys():
            full = self._models["full"].version
            self._sure_above: float = self._models["static"].sure_above_beside(full)

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
        work = await self._units(model, texts, caller)
        answers = await self._run(model.name, work, caller)
        joined = await self._beside(
            texts, lambda: [model.join(u, a) for u, a in zip(work, answers, strict=True)]
        )
        return {"model": model.version, model.field: joined}

    async def analyse(self, asked: AnalyseBody, caller: Caller) -> Result:
        """Return the response of `/invocations`.

        Features that no model here finds are left out, and named. A cascade whose request includes
        aspects is answered by `full` alone: it runs for the aspects anyway.

        Raises:
            RequestError: the tier is not served here, or the request was not served.
        """
        for name in ("static", "full") if asked.tier == "cascade" else (asked.tier,):
            self._tier(name)
        omitted = sorted(feature for feature in asked.include if not self._finds(feature))
        include = asked.include.difference(omitted)
        version, results = await self._sentiment(asked, include, caller)
        if include & _VECTOR_FEATURES:
            await self._from_vectors(asked, include, results, caller)
        if "language" in self._models:
            await self._language(asked.texts, include, results)
        answer: Result = {"model": version, "results": results}
        if omitted:
            answer["omitted"] = omitted
        return answer

    async def _sentiment(
        self, asked: AnalyseBody, include: AbstractSet[str], caller: Caller
    ) -> tuple[str, list[Result]]:
        texts, aspects = asked.texts, "aspects" in include
        if asked.tier == "cascade":
            if not aspects:
                return await self._cascade(texts, caller)
            version = self._cascade_version()
        else:
            version = self._tier(asked.tier).version
        name = "full" if asked.tier == "cascade" else asked.tier
        if not aspects:
            return version, await self._of_tier(name, texts, caller)
        full = self._tier("full")
        work = await self._units(full, texts, caller)
        answers = await self._run(full.name + ASPECTS, work, caller)
        if name == "full":
            logits = [[row for row, _ in rows] for rows in answers]
            results = self._results(full, work, logits)
        else:
            results = await self._of_tier(name, texts, caller)
        found = await self._beside(
            texts, lambda: [full.aspects(t, a) for t, a in zip(texts, answers, strict=True)]
        )
        for result, of_text in zip(results, found, strict=True):
            result["aspects"] = [asdict(aspect) for aspect in of_text]
        return version, results

    async def _of_tier(self, name: str, texts: Sequence[str], caller: Caller) -> list[Result]:
        tier = self._tier(name)
        work = await self._units(tier, texts, caller)
        return self._results(tier, work, await self._run(name, work, caller))

    async def _cascade(self, texts: Sequence[str], caller: Caller) -> tuple[str, list[Result]]:
        results = await self._of_tier("static", texts, caller)
        unsure = [
            index
            for index, result in enumerate(results)
            if max(result["scores"].values()) < self._sure_above
        ]
        if unsure:
            better = await self._of_tier("full", [texts[index] for index in unsure], caller)
            for index, result in zip(unsure, better, strict=True):
                results[index] = result
        return self._cascade_version(), results

    async def _from_vectors(
        self, asked: AnalyseBody, include: AbstractSet[str], results: list[Result], caller: Caller
    ) -> None:
        vectors = await self._vectors(asked.texts, caller)
        if "topics" in include and asked.topics is not None:
            matcher = self._models["topics"]
            topics = [Topic(each.id, each.label, tuple(each.examples)) for each in asked.topics]
            points = await matcher.prototypes(topics, lambda new: self._vectors(new, caller))
            found = await self._beside(asked.texts, lambda: matcher.match(vectors, topics, points))
            for result, matches in zip(results, found, strict=True):
                result["topics"] = [asdict(match) for match in matches]
        if include & {"intent", "urgency"}:
            classified = self._models["intents"].classify(vectors)
            for result, (intent, urgency) in zip(results, classified, strict=True):
                if "intent" in include:
                    result["intent"] = intent and asdict(intent)
                if "urgency" in include:
                    result["urgency"] = urgency and asdict(urgency)

    async def _language(
        self, texts: Sequence[str], include: AbstractSet[str], results: list[Result]
    ) -> None:
        """Abstain from texts in languages that the models do not know, asked or not."""
        model = self._models["language"]
        if "language" in include:
            found = await self._beside(texts, lambda: [model.detect(text) for text in texts])
            for result, language in zip(results, found, strict=True):
                result["language"] = asdict(language)
            supported = [language.supported for language in found]
        else:
            supported = await self._beside(texts, lambda: [model.supported(t) for t in texts])
        for result, known in zip(results, supported, strict=True):
            if not known:
                result |= {name: said for name, said in _ABSTENTIONS.items() if name in result}

    # --- the models -------------------------------------------------------------------------------

    def _tier(self, name: str) -> Any:
        tier = self._models.get(name)
        if tier is None:
            raise NotServedError(f"tier: this server has no model {name!r}")
        return tier

    def _cascade_version(self) -> str:
        return f"{self._tier('static').version}+{self._tier('full').version}"

    def _finds(self, feature: str) -> bool:
        if feature == "aspects":
            return "full" in self._models and bool(self._models["full"].finds_aspects)
        return _NEEDS[feature] in self._models

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

    async def _units(
        self, model: BatchedModel, texts: Sequence[str], caller: Caller
    ) -> list[list[Any]]:
        """Cut texts into what runs.

        Raises:
            OverloadedError, GreedyClientError: there is no room for them or they would be late; or
                they are long, and too many such requests wait beside the event loop.
        """
        self._engine.turn_away(caller)
        if self._beside_now >= share(caller) * _MOST_BESIDE and self._are_long(texts):
            raise self._engine.refusal(Refused(Refusal.FULL, 1.0), caller)
        return await self._beside(texts, lambda: model.units(texts))

    async def _run(
        self, lane: str, work: Sequence[Sequence[Any]], caller: Caller
    ) -> list[list[Any]]:
        """Run each text's units; return each text's answers."""
        units = [(lane, unit) for units in work for unit in units]
        answers = iter(await self._engine.run(units, caller))
        return [list(itertools.islice(answers, len(units))) for units in work]

    async def _vectors(self, texts: Sequence[str], caller: Caller) -> npt.NDArray[np.float32]:
        """Return the embeddings (n, 384)."""
        model: Any = self._models["embeddings"]
        work = await self._units(model, texts, caller)
        answers = await self._run(model.name, work, caller)
        return await self._beside(
            texts,
            lambda: np.stack([model.vector(u, a) for u, a in zip(work, answers, strict=True)]),
        )

    async def _beside(self, texts: Sequence[str], call: Callable[[], T]) -> T:
        """Call at once where the texts are short; beside the event loop where they are long."""
        if not self._are_long(texts):
            return call()
        self._beside_now += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._aside, call)
        finally:
            self._beside_now -= 1

    def _are_long(self, texts: Sequence[str]) -> bool:
        return sum(map(len, texts)) > self._light
