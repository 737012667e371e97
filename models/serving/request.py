"""From a request's body to the texts in it."""

from __future__ import annotations

import orjson

from models.serving.errors import RequestError
from models.serving.settings import ServerSettings


def parse_texts(body: bytes, settings: ServerSettings) -> list[str]:
    """Return the texts of `{"texts": ["...", ...]}`.

    Raises:
        RequestError: the body is no such JSON, or a text or their number is out of bounds.
    """
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"body: not valid JSON ({error})") from error
    if not isinstance(payload, dict):
        raise RequestError('body: must be an object {"texts": [...]}')
    unknown = sorted(payload.keys() - {"texts"})
    if unknown:
        raise RequestError(f"{unknown[0]}: unknown field")
    texts = payload.get("texts")
    if not isinstance(texts, list) or not 1 <= len(texts) <= settings.most_texts:
        raise RequestError(f"texts: must be a list of 1 to {settings.most_texts} strings")
    for index, text in enumerate(texts):
        if not isinstance(text, str) or not 1 <= len(text) <= settings.most_characters:
            raise RequestError(
                f"texts[{index}]: must be a string of 1 to {settings.most_characters} characters"
            )
    return texts
