"""The taxonomy's routes through their Lambda handler, over the memory adapter."""

from typing import Any

import pytest

from customerai.adapters.memory.cache import MemoryCache
from customerai.adapters.memory.taxonomies import MemoryTaxonomies
from customerai.domain.default_taxonomy import DEFAULT_TAXONOMY
from customerai.domain.taxonomy import Taxonomy
from customerai_http.app import create_app, lambda_handler
from customerai_http.response_cache import ResponseCache
from functions.sentiment_api import taxonomy
from tests.conftest import LambdaContext
from tests.http_events import ALL_SCOPES, http_event, json_body

ONE = {"id": "tent-poles", "label": "Tent poles", "examples": ["A pole arrived bent."]}
TWO = {"id": "bags", "label": "Bags", "examples": []}


class Recording(MemoryTaxonomies):
    """Remembers which tenants' topics were read."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = list[str]()

    async def get(self, tenant: str) -> Taxonomy | None:
        self.whole.append(tenant)
        return await super().get(tenant)


class Api:
    def __init__(self, kept: int = 0) -> None:
        self.store = Recording()
        router = taxonomy.build_router(
            taxonomies=self.store, responses=ResponseCache(MemoryCache(kept))
        )
        self._handler = lambda_handler(create_app("test", router))

    def get(self, **more: Any) -> Any:
        event = http_event("GET", "/v1/taxonomy", **more)
        return self._handler(event, LambdaContext())  # type: ignore[arg-type]

    def put(self, topics: object, if_match: str | None = "*", **more: Any) -> Any:
        headers = {} if if_match is None else {"if-match": if_match}
        event = http_event("PUT", "/v1/taxonomy", {"topics": topics}, headers=headers, **more)
        return self._handler(event, LambdaContext())  # type: ignore[arg-type]


@pytest.fixture
def api() -> Api:
    return Api()


def test_until_a_tenant_sets_one_there_is_a_default(api: Api) -> None:
    answer = api.get()
    assert answer["statusCode"] == 200
    body = json_body(answer)
    assert body["is_default"] is True
    assert answer["headers"]["etag"] == f'"{body["version"]}"'
    assert [topic["id"] for topic in body["topics"]] == [
        each.id for each in DEFAULT_TAXONOMY.topics
    ]


def test_what_is_put_replaces_all_there_was(api: Api) -> None:
    etag = api.get()["headers"]["etag"]
    for topics in ([ONE, TWO], [TWO]):
        answer = api.put(topics, etag)
        assert answer["statusCode"] == 200
        body = json_body(answer)
        assert body["topics"] == topics
        assert body["is_default"] is False
        assert json_body(api.get()) == body
        etag = answer["headers"]["etag"]
        assert etag == api.get()["headers"]["etag"]


def test_nobodys_change_gets_lost(api: Api) -> None:
    read = api.get()["headers"]["etag"]
    assert api.put([ONE], read)["statusCode"] == 200
    late = api.put([TWO], read)
    assert late["statusCode"] == 412
    assert late["headers"]["content-type"] == "application/problem+json"
    assert json_body(late)["title"] == "Precondition Failed"
    assert json_body(api.get())["topics"] == [ONE]


def test_a_change_in_between_reading_and_writing_is_seen() -> None:
    class Raced(MemoryTaxonomies):
        async def get(self, tenant: str) -> Taxonomy | None:
            found = await super().get(tenant)
            self.stored[tenant] = Taxonomy.of(DEFAULT_TAXONOMY.topics[:1])
            return found

    api = Api()
    router = taxonomy.build_router(taxonomies=Raced(), responses=ResponseCache(MemoryCache(0)))
    api._handler = lambda_handler(create_app("test", router))
    assert api.put([ONE])["statusCode"] == 412


def test_putting_what_is_there_changes_nothing(api: Api) -> None:
    first = api.put([ONE], api.get()["headers"]["etag"])
    again = api.put([ONE], first["headers"]["etag"])
    assert (first["statusCode"], first["body"]) == (again["statusCode"], again["body"])
    assert again["headers"]["etag"] == first["headers"]["etag"]


def test_a_stale_tag_is_refused_even_for_what_is_there(api: Api) -> None:
    read = api.get()["headers"]["etag"]
    assert api.put([ONE], read)["statusCode"] == 200
    assert api.put([ONE], read)["statusCode"] == 412


@pytest.mark.parametrize("kept", [0, 100])
@pytest.mark.parametrize("named", ["{etag}", "W/{etag}", '"other", {etag}', "*"])
def test_nobody_is_sent_what_he_has(kept: int, named: str) -> None:
    api = Api(kept)
    for _ in range(2):  # whether it was kept or not
        whole = api.get()
        etag = whole["headers"]["etag"]
        answer = api.get(headers={"if-none-match": named.format(etag=etag)})
        assert answer["statusCode"] == 304
        assert not answer["body"]
        for name in ("etag", "vary", "cache-control", "content-type"):
            assert answer["headers"][name] == whole["headers"][name]


def test_what_has_changed_is_sent(api: Api) -> None:
    old = api.get()["headers"]["etag"]
    assert api.put([ONE], old)["statusCode"] == 200
    answer = api.get(headers={"if-none-match": old})
    assert answer["statusCode"] == 200
    assert json_body(answer)["topics"] == [ONE]


def test_an_explanation_is_given_in_any_case(api: Api) -> None:
    headers = {"if-none-match": "*"}
    scopes = f"{ALL_SCOPES} platform:explain"
    answer = api.get(headers=headers, query="explain=true", scopes=scopes)
    assert answer["statusCode"] == 200
    assert "explain" in json_body(answer)


@pytest.mark.parametrize("nonsense", ["nonsense", '"open', ""])
def test_what_is_no_entity_tag_is_named(api: Api, nonsense: str) -> None:
    answer = api.get(headers={"if-none-match": nonsense})
    assert answer["statusCode"] == 422
    [error] = json_body(answer)["errors"]
    assert (error["field"], error["location"]) == ("If-None-Match", "header")


def test_a_precondition_is_needed(api: Api) -> None:
    answer = api.put([ONE], None)
    assert answer["statusCode"] == 428
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert "If-Match" in json_body(answer)["detail"]
    assert api.store.stored == {}


@pytest.mark.parametrize(
    ("if_match", "status"),
    [
        ("*", 200),
        ("{etag}", 200),
        ('"other", {etag}', 200),
        ('"other"', 412),
        ("W/{etag}", 200),  # as whoever compresses an answer on its way writes it
        ('W/"other"', 412),
        ("nonsense", 422),
        ('"open', 422),
        ("", 422),
    ],
)
def test_entity_tags(api: Api, if_match: str, status: int) -> None:
    etag = api.get()["headers"]["etag"]
    answer = api.put([ONE], if_match.format(etag=etag))
    assert answer["statusCode"] == status
    if status == 422:
        assert [each["field"] for each in json_body(answer)["errors"]] == ["If-Match"]


@pytest.mark.parametrize(
    ("topics", "field"),
    [
        ([], "topics"),
        ([{**TWO, "id": f"t-{n}"} for n in range(101)], "topics"),
        ([ONE, ONE], "topics"),
        ([{**TWO, "id": "Two Words"}], "topics[0].id"),
        ([{**TWO, "id": "-a"}], "topics[0].id"),
        ([{**TWO, "id": "a\n"}], "topics[0].id"),
        ([{**TWO, "id": "a" * 65}], "topics[0].id"),
        ([{**TWO, "label": ""}], "topics[0].label"),
        ([{**TWO, "label": " "}], "topics[0].label"),
        ([{**TWO, "label": "x" * 101}], "topics[0].label"),
        ([{**TWO, "label": "\ud800"}], "topics[0].label"),
        ([ONE, {**TWO, "examples": ["x"] * 21}], "topics[1].examples"),
        ([{**TWO, "examples": ["fine", "x" * 501]}], "topics[0].examples[1]"),
        ([{**TWO, "colour": "red"}], "topics[0].colour"),
        (
            [{"id": f"t-{n}", "label": "T", "examples": ["x" * 500] * 10} for n in range(19)],
            "topics",
        ),
    ],
)
def test_bad_taxonomies_are_refused_by_field(api: Api, topics: object, field: str) -> None:
    answer = api.put(topics)
    assert answer["statusCode"] == 422
    assert [each["field"] for each in json_body(answer)["errors"]] == [field]
    assert api.store.stored == {}


def test_tenants_do_not_see_each_other(api: Api) -> None:
    api.put([ONE])
    assert json_body(api.get(tenant="globex"))["is_default"] is True
    api.put([TWO], tenant="globex")
    assert json_body(api.get())["topics"] == [ONE]


def test_each_route_needs_its_scope(api: Api) -> None:
    assert api.get(scopes="taxonomy:write sentiment:analyse")["statusCode"] == 403
    assert api.put([ONE], scopes="taxonomy:read sentiment:analyse")["statusCode"] == 403
    assert api.get(tenant=None)["statusCode"] == 401
    assert api.store.stored == {}


PARAMETERS = ("fields", "fields[taxonomy]", "fields%5Btaxonomy%5D")


@pytest.mark.parametrize("is_default", [True, False])
@pytest.mark.parametrize("parameter", PARAMETERS)
@pytest.mark.parametrize("fields", ["version", "is_default", "topics", "topics,%20is_default"])
def test_only_the_fields_that_are_asked_for_are_read_and_told(
    api: Api, is_default: bool, parameter: str, fields: str
) -> None:
    if not is_default:
        api.put([ONE])
    answer = api.get()
    whole = json_body(answer)
    assert whole["is_default"] is is_default
    api.store.whole.clear()
    some = api.get(query=f"{parameter}={fields}")
    named = {"version", *(name.removeprefix("%20") for name in fields.split(","))}
    assert json_body(some) == {name: whole[name] for name in named}
    assert some["headers"]["etag"] == answer["headers"]["etag"]
    assert len(api.store.whole) == ("topics" in named)


@pytest.mark.parametrize("parameter", PARAMETERS[:2])
@pytest.mark.parametrize(("value", "named"), [("topics,mood,age", "age, mood"), ("", "")])
def test_fields_that_there_are_not_are_named(
    api: Api, parameter: str, value: str, named: str
) -> None:
    answer = api.get(query=f"{parameter}={value}")
    assert answer["statusCode"] == 400
    body = json_body(answer)
    assert body["type"] == "urn:customerai:problem:unknown-fields"
    assert [each["field"] for each in body["errors"]] == [parameter]
    assert named in body["detail"]
    assert "is_default, topics, version" in body["detail"]


def test_other_parameters_are_refused(api: Api) -> None:
    both = api.get(query="fields=topics&fields[taxonomy]=topics")
    other = api.get(query="fields[interactions]=id")
    for answer, field in ((both, "fields"), (other, "fields[interactions]")):
        assert answer["statusCode"] == 422
        assert [each["field"] for each in json_body(answer)["errors"]] == [field]


def test_an_answer_is_kept_for_the_fields_that_it_has() -> None:
    api = Api(kept=100)
    queries = ("fields=version", "", "fields=is_default", "fields=topics")
    for _ in range(2):
        members = [set(json_body(api.get(query=query))) for query in queries]
        assert members == [
            {"version"},
            {"version", "is_default", "topics"},
            {"version", "is_default"},
            {"version", "topics"},
        ]
    assert len(api.store.whole) == 2


def test_an_explanation_comes_with_the_answer_and_needs_its_scope(api: Api) -> None:
    scopes = f"{ALL_SCOPES} platform:explain"
    for query in ("", "fields=version"):
        explained = api.get(query=f"{query}&explain=true", scopes=scopes)
        body = json_body(explained)
        assert set(body.pop("explain")) == {"steps", "caches", "milliseconds"}
        assert body == json_body(api.get(query=query))
        assert explained["headers"]["etag"] == f'"{body["version"]}"'
    refused = api.get(query="explain=true")
    assert refused["statusCode"] == 403
    assert "platform:explain" in json_body(refused)["detail"]


@pytest.mark.parametrize("digits", [16, 5_000])  # of the latter, Python would make no number
def test_a_token_of_no_write_is_refused(api: Api, digits: int) -> None:
    answer = api.get(headers={"consistency": f"after={'9' * digits}"})
    assert answer["statusCode"] == 422
    assert [each["field"] for each in json_body(answer)["errors"]] == ["Consistency"]
