"""Analyse texts of a client that waits for the answer; nothing is stored."""

from collections.abc import Sequence
from dataclasses import dataclass

from customerai.domain.analysis import Analysis, AnalysisOptions, Feature, RequestedTier
from customerai.domain.errors import UnavailableError
from customerai.ports import TaxonomyReader, TextAnalyser
from customerai.usecases.read_taxonomy import read_taxonomy


@dataclass(frozen=True, slots=True)
class Answers:
    """One analysis a text, in order; ``outage`` is why the fallback had to make them, if it had."""

    analyses: list[Analysis]
    outage: UnavailableError | None = None


def analyse_texts(
    tenant: str,
    texts: Sequence[str],
    tier: RequestedTier,
    include: frozenset[Feature],
    *,
    analyser: TextAnalyser,
    fallback: TextAnalyser,
    taxonomies: TaxonomyReader,
) -> Answers:
    """Where the ``analyser`` is unavailable the ``fallback`` answers with what it has.

    What waits for no client has no need of that: a stored text is analysed later, and better.
    """
    taxonomy = read_taxonomy(tenant, taxonomies=taxonomies) if Feature.TOPICS in include else None
    options = AnalysisOptions(tier, include, taxonomy)
    try:
        return Answers(analyser.analyse(texts, options))
    except UnavailableError as outage:
        return Answers(fallback.analyse(texts, options), outage)
