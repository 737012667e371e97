"""Analyse texts of a client that waits for the answer; nothing is stored."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from customerai.domain.analysis import Analysis, AnalysisOptions, Feature, RequestedTier
from customerai.domain.errors import UnavailableError
from customerai.ports import FallbackAnalyser, TaxonomyReader, TextAnalyser
from customerai.resilience import deadline
from customerai.usecases.read_taxonomy import read_taxonomy

_STORE_SECONDS = 1.0
"""What reading the taxonomy may take."""
_FALLBACK_SHARE = 0.3
_FALLBACK_SECONDS = 0.3
"""What is kept of the time for the fallback, which is loaded by then."""
_PATIENCE_SECONDS = 0.4
"""After this long without an answer the fallback is loaded, so that it is there if need be."""


@dataclass(frozen=True, slots=True)
class Answers:
    """One analysis a text, in order; ``outage`` is why the fallback had to make them, if it had."""

    analyses: list[Analysis]
    outage: UnavailableError | None = None


async def analyse_texts(
    tenant: str,
    texts: Sequence[str],
    tier: RequestedTier,
    include: frozenset[Feature],
    *,
    analyser: TextAnalyser,
    fallback: FallbackAnalyser,
    taxonomies: TaxonomyReader,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> Answers:
    """Where the ``analyser`` is unavailable the ``fallback`` answers with what it has.

    There is an answer after ``seconds`` at the latest, or by the client's own deadline: what
    reading the taxonomy took, the analyser has less. What waits for no client has no need of
    either: a stored text is analysed later, and better.
    """
    seconds = min(seconds, deadline.remaining())
    ends = clock() + seconds
    async with fallback.standing_by(_PATIENCE_SECONDS):
        taxonomy = None
        if Feature.TOPICS in include:
            async with deadline.timeout("store", _STORE_SECONDS):
                taxonomy = await read_taxonomy(tenant, taxonomies=taxonomies)
        options = AnalysisOptions(tier, include, taxonomy)
        try:
            left = ends - clock() - min(_FALLBACK_SECONDS, _FALLBACK_SHARE * seconds)
            return Answers(await analyser.analyse(texts, options, left))
        except UnavailableError as error:
            outage = error
    return Answers(await fallback.analyse(texts, options, ends - clock()), outage)
