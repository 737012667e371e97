"""Analyse stored interactions, a batch in as few calls of the model as it takes."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from customerai.domain.analysis import AnalysisOptions, Feature
from customerai.domain.errors import ModelRejectedError, UnavailableError
from customerai.domain.interaction import InteractionRef
from customerai.domain.sentiment import MAX_CALL_CHARACTERS, MAX_CALL_TEXTS
from customerai.domain.taxonomy import Taxonomy
from customerai.ports import Analyses, TaxonomyReader, TextAnalyser
from customerai.usecases.read_taxonomy import read_taxonomy

_EVERYTHING = frozenset(Feature)
_LEAST_SECONDS = 5.0
"""A call that would have less time than this is not begun."""
_Texts = Sequence[tuple[InteractionRef, str]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """``left`` are to be tried again; what is gone or analysed counts as done.

    ``incomplete`` analyses lack one or more of ``missing``, which no model in service finds.
    """

    left: list[InteractionRef]
    incomplete: int
    missing: frozenset[Feature]


async def analyse_interactions(
    refs: Sequence[InteractionRef],
    *,
    analyses: Analyses,
    analyser: TextAnalyser,
    taxonomies: TaxonomyReader,
    time_left: Callable[[], float],
) -> Outcome:
    """Give each interaction that still waits for it the whole analysis.

    A call carries the texts of one taxonomy: of one tenant, or of all that have the default one.
    Short texts come first, and each call's answers are saved before the next call: a few long texts
    neither keep the others waiting nor lose what they got. Where the model refuses a call, its
    halves are tried, down to the text that it refuses. Once the model or the store is unavailable,
    or ``time_left`` (seconds) is short, what is left is for another time; so are the texts of a
    tenant whose taxonomy can't be read.

    What no model in service finds is left out: waiting for a model that nobody deploys would mean
    no analysis at all.
    """
    try:
        texts = await analyses.pending_texts(refs)
    except UnavailableError:
        return Outcome(list(dict.fromkeys(refs)), 0, frozenset())
    left = dict.fromkeys(texts)
    incomplete, missing = 0, frozenset[Feature]()
    calls = deque(_calls(texts, await _taxonomies(texts, taxonomies, time_left)))
    while calls and (seconds := time_left()) >= _LEAST_SECONDS:
        taxonomy, call = calls.popleft()
        options = AnalysisOptions(include=_EVERYTHING, taxonomy=taxonomy)
        try:
            found = await analyser.analyse([text for _, text in call], options, seconds)
            answers = {ref: answer for (ref, _), answer in zip(call, found, strict=True)}
            failed = frozenset(await analyses.save(answers))
        except ModelRejectedError:
            calls.extendleft((taxonomy, half) for half in reversed(_halves(call)))
            continue
        except UnavailableError:
            break
        for ref in answers.keys() - failed:
            del left[ref]
            lacks = _EVERYTHING - answers[ref].features
            incomplete += bool(lacks)
            missing |= lacks
    return Outcome(list(left), incomplete, missing)


async def _taxonomies(
    refs: Iterable[InteractionRef], reader: TaxonomyReader, time_left: Callable[[], float]
) -> dict[str, Taxonomy]:
    """Tenant to taxonomy, as far as they can be read: nobody waits for a second failure."""
    found: dict[str, Taxonomy] = {}
    for tenant in dict.fromkeys(ref.tenant for ref in refs):
        if time_left() < _LEAST_SECONDS:
            break
        try:
            found[tenant] = await read_taxonomy(tenant, taxonomies=reader)
        except UnavailableError:
            break
    return found


def _calls(
    texts: Mapping[InteractionRef, str], taxonomies: Mapping[str, Taxonomy]
) -> list[tuple[Taxonomy, _Texts]]:
    """The texts in groups that one call takes, by the longest text of each."""
    groups: defaultdict[Taxonomy, dict[InteractionRef, str]] = defaultdict(dict)
    for ref, text in texts.items():
        if ref.tenant in taxonomies:
            groups[taxonomies[ref.tenant]][ref] = text
    calls = [(taxonomy, call) for taxonomy, group in groups.items() for call in _split(group)]
    return sorted(calls, key=lambda each: len(each[1][-1][1]))


def _split(texts: Mapping[InteractionRef, str]) -> Iterator[_Texts]:
    """Shortest first, as many together as one call takes."""
    call: list[tuple[InteractionRef, str]] = []
    characters = 0
    for ref, text in sorted(texts.items(), key=lambda item: len(item[1])):
        full = len(call) == MAX_CALL_TEXTS or characters + len(text) > MAX_CALL_CHARACTERS
        if call and full:
            yield call
            call, characters = [], 0
        call.append((ref, text))
        characters += len(text)
    if call:
        yield call


def _halves(call: _Texts) -> Sequence[_Texts]:
    """None of a single text."""
    middle = len(call) // 2
    return [call[:middle], call[middle:]] if middle else []
