"""From a text to its language, by py3langid: naive Bayes over byte n-grams, 4.5 MB, NumPy alone.

A wrong "not supported" takes an answer away from somebody who wrote English, so it is only said
where English is as good as ruled out. Where nothing speaks for or against English the code is
`und` (ISO 639-2: undetermined), and that is supported.
"""

from __future__ import annotations

import re
import unicodedata

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from customerai.domain.analysis import Language

ENGLISH = "en"
UNKNOWN = Language(code="und", confidence=0.0, supported=True)

LEAST_LETTERS = 15
"""A text in Latin letters with fewer is too short to tell."""

LEAST_FOREIGN_LETTERS = 2
"""Letters of another script, in which nobody writes English, that tell."""

LEAST_ENGLISH = 0.02
"""A less probable English is ruled out."""

MOST_CHARACTERS = 600
"""Of a text that are looked at; more would not tell more."""

_NO_LANGUAGE = re.compile(r"(?:https?://|www\.)\S+|\bhttp\b|[@#]\w+|&\w+;")
"""Links, user names, hash tags and entities, which look the same in every language."""

_LAST_LATIN = 0x024F
_LATIN_ADDITIONAL = range(0x1E00, 0x1F00)


class LanguageDetector:
    """Safe to call from several threads at once."""

    def __init__(self) -> None:
        """Load the language profiles, which takes a few milliseconds."""
        self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        # Creoles and dialects that have no ISO 639-1 code are taken for their nearest neighbour.
        codes = [code for code in self._identifier.labels if len(code) == 2]
        self._identifier.set_languages(codes)

    def detect(self, text: str) -> Language:
        """Return the language of `text`, with the probability of its code.

        `supported` is false only where the text is long enough to tell, is most likely not in
        English, and English is less probable than LEAST_ENGLISH.
        """
        sample = readable(text)
        latin, foreign = count_letters(sample)
        written_in_latin = latin >= foreign
        if foreign < LEAST_FOREIGN_LETTERS if not written_in_latin else latin < LEAST_LETTERS:
            return UNKNOWN
        probabilities = dict(self._identifier.rank(sample))
        code, confidence = next(iter(probabilities.items()))
        if code == ENGLISH:
            return Language(ENGLISH, confidence, True) if written_in_latin else UNKNOWN
        if written_in_latin and probabilities[ENGLISH] >= LEAST_ENGLISH:
            return UNKNOWN
        return Language(code, confidence, False)


def readable(text: str) -> str:
    """Return the beginning of `text` without what no language owns, letters in their plain form
    (`𝐬𝐨` and `ｓｏ` are `so`)."""
    start = _NO_LANGUAGE.sub(" ", text[: 2 * MOST_CHARACTERS])
    return " ".join(unicodedata.normalize("NFKC", start).split())[:MOST_CHARACTERS]


def count_letters(text: str) -> tuple[int, int]:
    """Return how many letters of `text` are Latin, and how many are of other scripts."""
    letters = [ord(character) for character in text if character.isalpha()]
    latin = sum(letter <= _LAST_LATIN or letter in _LATIN_ADDITIONAL for letter in letters)
    return latin, len(letters) - latin
