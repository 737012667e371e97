"""One page of a list: where it begins, what of it fits, and where the next one begins."""

import msgspec
from starlette.datastructures import URL

from customerai.domain.errors import InvalidParameterError
from customerai.ports import Page
from customerai_http.cursors import Cursors
from customerai_http.representations import JSON, encode

_MOST_BYTES = 5_000_000
"""Lambda returns up to 6 MB of JSON, in which the answer is a string, so escaped once more."""


class Place(msgspec.Struct, frozen=True):
    """The id after which a page begins, and how many were listed before it."""

    after: str | None = None
    before: int = 0


class Count(msgspec.Struct, frozen=True):
    """How many there are: as many as ``value``, or more where it is not ``exact``.

    What the filters are given a bounded effort for is not counted beforehand: it becomes exact on
    the last page.
    """

    value: int
    exact: bool


class Answer(msgspec.Struct, frozen=True):
    items: msgspec.Raw
    next: str | None
    has_more: bool
    count: Count


async def place_of(cursor: str | None, offset: int, binding: str, cursors: Cursors) -> Place:
    """Raises ``InvalidParameterError`` for a cursor that is not of this list."""
    if cursor is None:
        return Place(before=offset)
    if offset:
        raise InvalidParameterError("offset", "can't be combined with a cursor")
    before, _, after = (await cursors.verify(binding, cursor)).partition("|")
    return Place(after, int(before))


def encoded(page: Page, media_type: str) -> tuple[Page, msgspec.Raw]:
    """As many from the front as fit into one answer, but one at least; and their encoding."""
    items = encode(page.items, media_type)
    if fits(items, media_type):
        return page, msgspec.Raw(items)
    size = 0
    for number, item in enumerate(page.items):
        size += _returned_size(encode(item, media_type), media_type)
        if size > _MOST_BYTES and number:
            page = Page(page.items[:number], page.items[number - 1].id)
            break
    return page, msgspec.Raw(encode(page.items, media_type))


def fits(body: bytes, media_type: str) -> bool:
    """Whether Lambda can return it."""
    if len(body) * 2 < _MOST_BYTES:  # whatever is escaped, or in base 64, at most doubles
        return True
    return _returned_size(body, media_type) <= _MOST_BYTES


def _returned_size(body: bytes, media_type: str) -> int:
    if media_type != JSON:
        return len(body) * 4 // 3 + 4  # base 64
    return len(body) + body.count(b'"') + body.count(b"\\")


async def with_next(
    page: Page, items: msgspec.Raw, place: Place, binding: str, cursors: Cursors, url: URL
) -> tuple[Answer, dict[str, str]]:
    """The answer, and its ``Link`` header (RFC 8288) with what follows and where it begins."""
    seen = place.before + len(page.items)
    first = url.remove_query_params(["cursor", "offset"])
    links = [f'<{_relative(first)}>; rel="first"']
    cursor: str | None = None
    if page.resume is not None:
        cursor = await cursors.sign(binding, f"{seen}|{page.resume}")
        following = first.include_query_params(cursor=cursor)
        links.append(f'<{_relative(following)}>; rel="next"')
    if place.after is None and not page.items:
        seen = 0  # an offset may have skipped fewer than it says
    # What a cursor leads to may be nothing, where filters are given a bounded effort.
    count = Count(seen, exact=cursor is None and (seen > 0 or not place.before))
    answer = Answer(items, cursor, cursor is not None, count)
    return answer, {"link": ", ".join(links)}


def _relative(url: URL) -> str:
    """Whatever host the client knows the API by, it asked there."""
    return url.path + (f"?{url.query}" if url.query else "")
