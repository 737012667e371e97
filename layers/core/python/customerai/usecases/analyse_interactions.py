"""Analyse stored interactions, a batch in as few calls of the model as it takes."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from customerai.domain.analysis import Analysis, AnalysisOptions, Feature
from customerai.domain.errors import ModelRejectedError, UnavailableError
from customerai.domain.interaction import InteractionRef
from customerai.domain.sentiment import MAX_CALL_CHARACTERS, MAX_CALL_TEXTS
from customerai.domain.taxonomy import Taxonomy
from customerai.ports import Analyses, TaxonomyReader, TextAnalyser
from customerai.usecases.read_taxonomy import read_taxonomy

_EVERYTHING = frozenset(Feature)
_Texts = Sequence[tuple[InteractionRef, str]]


def analyse_interactions(
    refs: Sequence[InteractionRef],
    *,
    analyses: Analyses,
    analyser: TextAnalyser,
    taxonomies: TaxonomyReader,
    has_time: Callable[[], bool],
) -> list[InteractionRef]:
    """Those that are to be tried again; what is gone or analysed counts as done.

    A call carries the texts of one taxonomy: of one tenant, or of all that have the default one.
    Short texts come first, and each call's answers are saved before the next call: a few long texts
    neither keep the others waiting nor lose what they got. Once the model is unavailable, or
    ``has_time`` for one more call says no, what is left is for another time; so are the texts of a
    tenant whose taxonomy can't be read.
    """
    texts = analyses.pending_texts(refs)
    left = dict.fromkeys(texts)
    for taxonomy, call in _calls(texts, _taxonomies(texts, taxonomies)):
        if not has_time():
            break
        options = AnalysisOptions(include=_EVERYTHING, taxonomy=taxonomy)
        try:
            answers = _analyse(call, options, analyser)
        except UnavailableError:
            break
        failed = frozenset(analyses.save(answers)) if answers else frozenset()
        for ref in answers.keys() - failed:
            del left[ref]
    return list(left)


def _taxonomies(refs: Iterable[InteractionRef], reader: TaxonomyReader) -> dict[str, Taxonomy]:
    """Tenant to taxonomy, as far as they can be read: nobody waits for a second failure."""
    found: dict[str, Taxonomy] = {}
    for tenant in dict.fromkeys(ref.tenant for ref in refs):
        try:
            found[tenant] = read_taxonomy(tenant, taxonomies=reader)
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


def _analyse(
    texts: _Texts, options: AnalysisOptions, analyser: TextAnalyser
) -> dict[InteractionRef, Analysis]:
    """Where the model refuses a batch, its halves are tried, down to the text that it refuses."""
    try:
        answers = analyser.analyse([text for _, text in texts], options)
    except ModelRejectedError:
        if len(texts) == 1:
            return {}
        middle = len(texts) // 2
        return _analyse(texts[:middle], options, analyser) | _analyse(
            texts[middle:], options, analyser
        )
    return {ref: answer for (ref, _), answer in zip(texts, answers, strict=True)}
