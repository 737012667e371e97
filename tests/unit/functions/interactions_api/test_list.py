"""Lists: what they hold, and how one gets from page to page."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customerai.adapters.memory.interactions import MemoryInteractions
from customerai.domain.analysis import Analysis, Aspect, Feature, Tier
from customerai.domain.sentiment import Scores, Sentiment, SentimentLabel
from customerai.ports import WHOLE, InteractionFilter, Page, Reading
from tests.http_events import json_body
from tests.unit.functions.interactions_api.api import ONE, START, Api, assert_problem


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 7), st.integers(0, 25), st.lists(st.integers(0, 60), max_size=8))
def test_inserts_while_paging_neither_lose_nor_repeat(
    limit: int, count: int, inserted_minutes: list[int]
) -> None:
    api = Api()
    before = api.fill(count) if count else []
    seen: list[str] = []
    query = f"limit={limit}"
    inserts = iter(inserted_minutes)
    while True:
        page = json_body(api.call("GET", "/v1/interactions", query=query))
        seen += [item["id"] for item in page["items"]]
        if (minute := next(inserts, None)) is not None:
            api.fill(1, START + timedelta(minutes=minute))
        if page["next"] is None:
            break
        query = f"limit={limit}&cursor={page['next']}"
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(set(seen))
    assert set(before) <= set(seen)


def test_filters_narrow_and_bind_the_cursor(api: Api) -> None:
    api.fill(5)
    api.call("POST", "/v1/interactions", ONE | {"channel": "chat", "customer_id": "c-2"})
    page = json_body(api.call("GET", "/v1/interactions", query="channel=email&limit=2"))
    assert [item["channel"] for item in page["items"]] == ["email", "email"]
    elsewhere = f"channel=chat&limit=2&cursor={page['next']}"
    assert_problem(api.call("GET", "/v1/interactions", query=elsewhere), 422, "cursor")
    same = f"channel=email&limit=2&cursor={page['next']}"
    assert_problem(api.call("GET", "/v1/interactions", query=same, tenant="globex"), 422, "cursor")
    assert len(json_body(api.call("GET", "/v1/interactions", query=same))["items"]) == 2
    chat = json_body(api.call("GET", "/v1/interactions", query="customer=c-2&sentiment=pending"))
    assert [item["customer_id"] for item in chat["items"]] == ["c-2"]
    assert chat["next"] is None


@pytest.mark.parametrize("offset", ["Z", "+00:00", quote("+00:00"), ""])
def test_from_and_to_are_half_open(api: Api, offset: str) -> None:
    made = api.fill(5)
    query = f"from=2026-11-01T00:01:00{offset}&to=2026-11-01T00:03:00{offset}"
    page = json_body(api.call("GET", "/v1/interactions", query=query))
    assert [item["id"] for item in page["items"]] == [made[2], made[1]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("channel=fax", "channel"),
        ("sentiment=angry", "sentiment"),
        ("from=yesterday", "from"),
        ("to=0001-01-01T00:00:00%2B10:00", "to"),
        ("cursor=forged", "cursor"),
        ("colour=red", "colour"),
        ("start=2026-01-01", "start"),
        ("cursor=", "cursor"),
        ("from=1700000000", "from"),
        ("from=2026-01-02&to=2026-01-01", "from"),
    ],
)
def test_bad_parameters_are_named(api: Api, query: str, field: str) -> None:
    assert_problem(api.call("GET", "/v1/interactions", query=query), 422, field)


def test_a_page_fits_into_what_lambda_returns_and_the_next_one_goes_on(api: Api) -> None:
    metadata = {f"key-{n}": "\u4f60" * 500 for n in range(32)}
    items = [ONE | {"text": "\u4f60\n" * 5_000, "metadata": metadata} for _ in range(25)]
    for _ in range(4):
        api.call("POST", "/v1/interactions/batch", {"items": items})
    aspects = tuple(
        Aspect("\u4f60\n" * 5, 0, 10, SentimentLabel.NEUTRAL, 0.1234) for _ in range(1_000)
    )
    sentiment = Sentiment(SentimentLabel.NEUTRAL, Scores(0, 1, 0), "m")
    for ref, stored in api.store.stored.items():
        analysis = Analysis(
            sentiment, Tier.FULL, features=frozenset({Feature.ASPECTS}), aspects=aspects
        )
        api.store.stored[ref] = replace(stored, analysis=analysis)
    seen, query = [], "limit=100"
    while True:
        answer = api.call("GET", "/v1/interactions", query=query)
        assert len(json.dumps(answer, ensure_ascii=False).encode()) < 6_000_000
        page = json_body(answer)
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        query = f"limit=100&cursor={page['next']}"
    assert len(seen) == len(set(seen)) == 100


def test_a_cursor_binds_every_filter(api: Api) -> None:
    api.fill(3)
    cursor = api.page("limit=1")["next"]
    for query in ("channel=email", "sentiment=pending", "customer=c-1", "from=2026-01-01"):
        answer = api.call("GET", "/v1/interactions", query=f"{query}&cursor={cursor}")
        assert_problem(answer, 422, "cursor")


def follow(api: Api, query: str) -> list[Any]:
    """Every page, by the links to the next one; each leads back to the first."""
    pages: list[Any] = []
    first = None
    while True:
        answer = api.call("GET", "/v1/interactions", query=query)
        pages.append(json_body(answer))
        links = {
            name: target
            for target, name in re.findall(r'<([^<>]*)>; rel="(\w+)"', answer["headers"]["link"])
        }
        assert first in (None, links["first"])
        first = links["first"]
        assert ("next" in links) == pages[-1]["has_more"] == (pages[-1]["next"] is not None)
        if "next" not in links:
            return pages
        path, _, query = links["next"].partition("?")
        assert path == "/v1/interactions"


def test_links_lead_through_all_pages_with_filters_and_fields(api: Api) -> None:
    made = api.fill(7)
    api.fill(2, channel="chat")
    query = f"channel=email&limit=3&fields=text&from={quote(START.isoformat())}"
    pages = follow(api, query)
    assert [len(page["items"]) for page in pages] == [3, 3, 1]
    assert [item["id"] for page in pages for item in page["items"]] == made[::-1]
    assert all(set(item) == {"id", "text"} for page in pages for item in page["items"])
    answer = api.call("GET", "/v1/interactions", query=query + "&offset=2")
    (first,) = re.findall(r'<([^<>]*)>; rel="first"', answer["headers"]["link"])
    path, _, again = first.partition("?")
    assert path == "/v1/interactions"
    assert api.page(again) == pages[0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 25), st.integers(1, 9), st.integers(0, 30))
def test_a_count_is_exact_on_the_last_page_and_a_lower_bound_before(
    stored: int, limit: int, offset: int
) -> None:
    api = Api()
    if stored:
        api.fill(stored)
    pages = follow(api, f"limit={limit}&offset={offset}")
    assert sum(len(page["items"]) for page in pages) == max(0, stored - offset)
    for page in pages:
        assert page["count"]["value"] <= stored
        assert page["count"]["value"] == stored or not page["count"]["exact"]
        assert page["count"]["exact"] <= (not page["has_more"])
    if offset < stored:
        assert pages[-1]["count"] == {"value": stored, "exact": True}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 25), st.integers(0, 30), st.integers(1, 9))
def test_an_offset_skips_so_many_of_the_newest(stored: int, offset: int, limit: int) -> None:
    api = Api()
    made = api.fill(stored) if stored else []
    page = api.page(f"offset={offset}&limit={limit}")
    assert [item["id"] for item in page["items"]] == made[::-1][offset : offset + limit]
    assert page["has_more"] == (offset + limit < stored)


def test_an_offset_reaches_over_more_than_one_read(api: Api) -> None:
    made = [each for n in range(4) for each in api.fill(80, START + timedelta(hours=2 * n))]
    page = api.page("offset=250&limit=3")
    assert [item["id"] for item in page["items"]] == made[::-1][250:253]
    assert page["count"] == {"value": 253, "exact": False}


@pytest.mark.parametrize(
    "query", ["offset=-1", "offset=1001", "offset=x", "offset=1&cursor={cursor}"]
)
def test_offsets_are_bounded_and_not_for_cursors(api: Api, query: str) -> None:
    api.fill(2)
    query = query.format(cursor=api.page("limit=1")["next"])
    assert_problem(api.call("GET", "/v1/interactions", query=query), 422, "offset")


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 5),
    st.lists(st.sampled_from(["email", "chat"]), max_size=15),
    st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=8),
)
def test_inserts_and_deletes_while_paging_keep_what_stays_and_repeat_nothing(
    limit: int, channels: list[str], changes: list[tuple[int, bool]]
) -> None:
    """A filtered walk; what is stored or deleted meanwhile may show or not."""
    api = Api()
    made = [
        (api.fill(1, START + timedelta(minutes=n), channel=channel)[0], channel)
        for n, channel in enumerate(channels)
    ]
    kept = {each for each, channel in made if channel == "email"}
    seen: list[str] = []
    steps = iter(changes)
    query = f"channel=email&limit={limit}"
    cursor = ""
    while True:
        page = api.page(query + cursor)
        seen += [item["id"] for item in page["items"]]
        if (change := next(steps, None)) is not None:
            minute, delete = change
            if delete and made:
                doomed = made[minute % len(made)][0]
                api.call("DELETE", f"/v1/interactions/{doomed}")
                kept.discard(doomed)
            else:
                api.fill(1, START + timedelta(minutes=minute))
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == sorted(set(seen), reverse=True)
    assert kept <= set(seen)


def test_a_count_takes_no_page_for_granted_that_may_be_empty() -> None:
    """A filter's bounded effort ends a page though nothing may follow it."""

    class Weary(MemoryInteractions):
        async def page(
            self,
            tenant: str,
            where: InteractionFilter,
            after: str | None,
            limit: int,
            reading: Reading = WHOLE,
        ) -> Page:
            page = await super().page(tenant, where, after, limit, reading)
            if page.resume is None and page.items:
                return Page(page.items, page.items[-1].id)
            return page

    api = Api(Weary())
    api.fill(4)
    pages = follow(api, "channel=email&limit=3")
    assert [len(page["items"]) for page in pages] == [3, 1, 0]
    assert [page["count"] for page in pages] == [
        {"value": 3, "exact": False},
        {"value": 4, "exact": False},
        {"value": 4, "exact": True},
    ]
