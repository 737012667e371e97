"""Analyses of texts that were analysed before, by the same models, with the same options."""

import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, Self

import msgspec

from customerai.adapters.layered_cache import LayeredCache
from customerai.adapters.memory.cache import MemoryCache
from customerai.domain.analysis import Analysis, AnalysisOptions, RequestedTier
from customerai.domain.errors import ModelRejectedError
from customerai.ports import Cache
from customerai.resilience import deadline
from customerai.resilience.single_flight import SingleFlight

KEPT_SECONDS = 24 * 3600.0
MODELS_SECONDS = 60.0
"""How long a digest that was told is taken for the one in service."""
REJECTED_SECONDS = 60.0
_NEAR_ANSWERS = 2_048
_NEAR_BYTES = 8_192
"""Of one answer: with the number of answers it bounds the memory that they take."""
_NEAR_SECONDS = 60.0
"""A refusal may be kept for so long in a process after it has gone from the shared cache."""
_NEAR_MODELS_SECONDS = 10.0
"""How much longer a process may take models for those in service than all others do."""
_TOLD_AGAIN_SECONDS = 10.0
"""How often a process says that the models in service still are."""

_Kept = Analysis | str
"""An analysis, or why the models refuse the text."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Kept).decode


class Answers(Protocol):
    """One analysis a text, and the digest of the models that made them, if they tell it."""

    @property
    def analyses(self) -> list[Analysis]: ...

    @property
    def models(self) -> str | None: ...


class Models(Protocol):
    """A text analyser that tells which models answered."""

    async def ask(
        self, texts: Sequence[str], options: AnalysisOptions, seconds: float
    ) -> Answers: ...


class CachedTextAnalyser:
    """``customerai.ports.TextAnalyser``: the models are asked for what is not in ``answers``.

    An answer lies under the text, the options and the digest of the models that gave it, so it
    never gets old. Which models are in service is kept in ``digests`` under the ``endpoint``'s
    name, by every process for all; while nobody knows it, everything is asked anew.
    """

    def __init__(
        self,
        models: Models,
        endpoint: str,
        *,
        answers: Cache,
        digests: Cache,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._models = models
        self._digest_key = f"models:{endpoint}"
        self._answers = answers
        self._digests = digests
        self._clock = clock
        self._told_at = -math.inf
        self._flights: SingleFlight[tuple[str, ...], dict[str, Analysis]] = SingleFlight()

    @classmethod
    def over(cls, models: Models, endpoint: str, shared: Cache) -> Self:
        """With what this process was asked last before what all processes ``shared``."""
        near = MemoryCache(_NEAR_ANSWERS, max_value_bytes=_NEAR_BYTES)
        return cls(
            models,
            endpoint,
            answers=LayeredCache("Predictions", near, shared, _NEAR_SECONDS),
            digests=LayeredCache("Models", near, shared, _NEAR_MODELS_SECONDS),
        )

    async def analyse(
        self, texts: Sequence[str], options: AnalysisOptions, seconds: float
    ) -> list[Analysis]:
        """Equal texts are asked for once; so are equal calls at the same time."""
        ends = self._clock() + seconds
        names = [_name(text, options) for text in texts]
        by_name = dict(zip(names, texts, strict=True))
        digest = await self._digests.get(self._digest_key)
        found = {} if digest is None else await self._kept(digest.decode(), list(by_name))
        missing = {name: text for name, text in by_name.items() if name not in found}
        if missing:
            left = ends - self._clock()
            # Stated, so that whoever joins a flight knows when its starter gave up.
            async with deadline.timeout("model", left):
                found |= await self._flights.call(
                    tuple(missing), lambda: self._asked(missing, options, left, digest)
                )
        return [found[name] for name in names]

    async def _kept(self, digest: str, names: Sequence[str]) -> dict[str, Analysis]:
        """Raises ``ModelRejectedError`` where one of the texts is known to be refused.

        The models would refuse the whole call for it.
        """
        values = await self._answers.get_many([_key(digest, name) for name in names])
        found: dict[str, Analysis] = {}
        for name, value in zip(names, values, strict=True):
            kept = None if value is None else _decoded(value)
            if isinstance(kept, str):
                raise ModelRejectedError(kept)
            if kept is not None:
                found[name] = kept
        return found

    async def _asked(
        self,
        texts: Mapping[str, str],
        options: AnalysisOptions,
        seconds: float,
        known: bytes | None,
    ) -> dict[str, Analysis]:
        """``known`` is the digest that was taken for the one in service before."""
        try:
            answers = await self._models.ask(list(texts.values()), options, seconds)
        except ModelRejectedError as error:
            if len(texts) == 1:
                await self._keep_rejection(next(iter(texts)), str(error))
            raise
        found = dict(zip(texts, answers.analyses, strict=True))
        if answers.models is not None:
            await self._keep(answers.models, found, options)
            await self._tell(answers.models.encode(), known)
        return found

    async def _keep(
        self, digest: str, found: Mapping[str, Analysis], options: AnalysisOptions
    ) -> None:
        whole = {
            _key(digest, name): _encode(analysis)
            for name, analysis in found.items()
            if _is_whole(analysis, options)
        }
        await self._answers.set_many(whole, KEPT_SECONDS)

    async def _tell(self, digest: bytes, known: bytes | None) -> None:
        """Unless all others know it, and will for a while."""
        now = self._clock()
        if digest != known or now - self._told_at >= _TOLD_AGAIN_SECONDS:
            self._told_at = now
            await self._digests.set(self._digest_key, digest, MODELS_SECONDS)

    async def _keep_rejection(self, name: str, reason: str) -> None:
        digest = await self._digests.get(self._digest_key)
        if digest is not None:
            kept = {_key(digest.decode(), name): _encode(reason)}
            await self._answers.set_many(kept, REJECTED_SECONDS)


def _name(text: str, options: AnalysisOptions) -> str:
    """What was asked. A taxonomy's version is a hash of its content."""
    version = options.taxonomy.version if options.taxonomy else None
    asked = _encode([text, options.tier, sorted(options.include), version])
    return hashlib.blake2b(asked, digest_size=20).hexdigest()


def _key(digest: str, name: str) -> str:
    return f"prediction:{digest}:{name}"


def _decoded(value: bytes) -> _Kept | None:
    """None where it is of another version of this code."""
    try:
        kept: _Kept = _decode(value)
    except msgspec.MsgspecError:
        return None
    return kept


def _is_whole(analysis: Analysis, options: AnalysisOptions) -> bool:
    """What a lesser tier stepped in for, or a model that was missing, can be had later."""
    as_asked = options.tier is RequestedTier.CASCADE or analysis.tier.value == options.tier.value
    return as_asked and analysis.features == options.include
