"""What of an interaction is read, how fresh it is, in which encoding, and at what cost."""

import time
from collections.abc import Sequence
from typing import Any

import pytest

from customerai.adapters.memory.interactions import MemoryInteractions
from customerai.domain.interaction_view import FIELDS, InteractionView
from customerai.ports import WHOLE, InteractionFilter, Page, Reading
from tests.http_events import ALL_SCOPES, json_body
from tests.unit.functions.interactions_api.api import ONE, Api, assert_problem, msgpack_body

MSGPACK = {"accept": "application/msgpack"}
EXPLAINING = f"{ALL_SCOPES} platform:explain"


class Recording(MemoryInteractions):
    """Remembers what the store was asked to read."""

    def __init__(self) -> None:
        super().__init__()
        self.readings = list[Reading]()

    async def get(
        self, tenant: str, interaction_id: str, reading: Reading = WHOLE
    ) -> InteractionView | None:
        self.readings.append(reading)
        return await super().get(tenant, interaction_id, reading)

    async def get_many(
        self, tenant: str, interaction_ids: Sequence[str], reading: Reading = WHOLE
    ) -> dict[str, InteractionView]:
        self.readings.append(reading)
        return await super().get_many(tenant, interaction_ids, reading)

    async def page(
        self,
        tenant: str,
        where: InteractionFilter,
        after: str | None,
        limit: int,
        reading: Reading = WHOLE,
    ) -> Page:
        self.readings.append(reading)
        return await super().page(tenant, where, after, limit, reading)


class Reads:
    """The three reads of one interaction."""

    def __init__(self) -> None:
        self.store = Recording()
        self.api = Api(self.store)
        self.id = self.api.create()

    def calls(self) -> dict[str, tuple[str, str]]:
        """Path and query of each."""
        return {
            "get": (f"/v1/interactions/{self.id}", ""),
            "list": ("/v1/interactions", ""),
            "batch": ("/v1/interactions/batch", f"ids={self.id}"),
        }

    def call(self, read: str, query: str = "", **more: Any) -> Any:
        path, always = self.calls()[read]
        return self.api.call("GET", path, query="&".join(filter(None, (always, query))), **more)

    def item(self, read: str, query: str = "", **more: Any) -> Any:
        """The interaction in the answer."""
        content = json_body(self.call(read, query, **more))
        match read:
            case "get":
                return content
            case "list":
                return content["items"][0]
            case _:
                return content["results"][0]["interaction"]


@pytest.fixture
def reads() -> Reads:
    return Reads()


READS = ["get", "list", "batch"]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    "parameter", ["fields", "fields[interactions]", "fields%5Binteractions%5D"]
)
def test_only_the_fields_that_are_asked_for_are_read_and_told(
    reads: Reads, read: str, parameter: str
) -> None:
    whole = reads.item(read)
    assert set(whole) == set(FIELDS)
    some = reads.item(read, f"{parameter}=text,%20sentiment")
    assert some == {name: whole[name] for name in ("id", "text", "sentiment")}
    assert reads.store.readings[-1].fields == {"text", "sentiment"}
    for name in FIELDS:
        assert reads.item(read, f"{parameter}={name}") == {"id": whole["id"], name: whole[name]}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("parameter", ["fields", "fields[interactions]"])
@pytest.mark.parametrize(
    ("value", "named"), [("text,mood,age", "age, mood"), ("Text", "Text"), ("", ""), (",", "")]
)
def test_fields_that_there_are_not_are_named(
    reads: Reads, read: str, parameter: str, value: str, named: str
) -> None:
    answer = reads.call(read, f"{parameter}={value}")
    assert_problem(answer, 400, parameter)
    body = json_body(answer)
    assert body["type"] == "urn:customerai:problem:unknown-fields"
    assert named in body["detail"]
    assert ", ".join(sorted(FIELDS)) in body["detail"]
    assert reads.store.readings == []


@pytest.mark.parametrize("read", READS)
def test_fields_are_asked_for_in_one_way_and_once(reads: Reads, read: str) -> None:
    both = reads.call(read, "fields=text&fields[interactions]=text")
    assert_problem(both, 422, "fields")
    assert_problem(reads.call(read, "fields=text&fields=channel"), 422, "fields")
    assert_problem(reads.call(read, "fields[customers]=text"), 422, "fields[customers]")


@pytest.mark.parametrize("read", READS)
def test_every_read_can_be_had_as_messagepack(reads: Reads, read: str) -> None:
    plain, packed = reads.call(read), reads.call(read, headers=MSGPACK)
    assert plain["headers"]["content-type"] == "application/json"
    content = json_body(plain)
    assert msgpack_body(packed) == content
    assert plain["statusCode"] == packed["statusCode"]
    assert plain["headers"]["vary"] == packed["headers"]["vary"] == "accept, accept-encoding"


def test_every_write_can_answer_in_messagepack(reads: Reads) -> None:
    api, key = reads.api, {"idempotency-key": "k"}
    plain = api.call("POST", "/v1/interactions", ONE, headers=key)
    packed = api.call("POST", "/v1/interactions", ONE, headers=key | MSGPACK)
    assert msgpack_body(packed) == json_body(plain)
    batch = {"items": [ONE, {}]}
    made = msgpack_body(api.call("POST", "/v1/interactions/batch", batch, headers=MSGPACK))
    assert [each["status"] for each in made["results"]] == [201, 422]
    query = f"ids={made['results'][0]['id']}"
    gone = api.call("DELETE", "/v1/interactions/batch", query=query, headers=MSGPACK)
    assert [each["status"] for each in msgpack_body(gone)["results"]] == [204]


def test_problems_are_json_whatever_is_accepted(reads: Reads) -> None:
    assert_problem(reads.api.call("GET", "/v1/interactions/none", headers=MSGPACK), 404)


def test_pages_of_messagepack_fit_into_what_lambda_returns(reads: Reads) -> None:
    text = {"text": "\u4f60" * 10_000, "metadata": {f"k{n}": "\u4f60" * 500 for n in range(32)}}
    for _ in range(5):
        reads.api.call("POST", "/v1/interactions/batch", {"items": [ONE | text] * 20})
    seen: list[str] = []
    query = "limit=100"
    while True:
        answer = reads.call("list", query, headers=MSGPACK)
        assert len(answer["body"]) < 6_000_000
        page = msgpack_body(answer)
        seen += [item["id"] for item in page["items"]]
        if not page["has_more"]:
            break
        query = f"limit=100&cursor={page['next']}"
    assert len(seen) == len(set(seen)) == 101


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    ("consistency", "strong"),
    [(None, False), ("eventual", False), ("strong", True), ("after=1700000000000", False)],
)
def test_a_client_says_how_fresh_it_wants_it(
    reads: Reads, read: str, consistency: str | None, strong: bool
) -> None:
    reads.item(read, headers={"consistency": consistency} if consistency else {})
    assert [reading.strong for reading in reads.store.readings] == [strong]


@pytest.mark.parametrize("read", READS)
def test_the_token_of_a_write_shows_the_write_until_every_read_does(
    reads: Reads, read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = reads.api
    query = f"ids={api.create()}"
    answers = [
        api.call("POST", "/v1/interactions", ONE),
        api.call("POST", "/v1/interactions/batch", {"items": [ONE]}),
        api.call("DELETE", "/v1/interactions/batch", query=query),
        api.call("DELETE", f"/v1/interactions/{api.create()}"),
    ]
    for answer in answers:
        reads.item(read, headers={"consistency": answer["headers"]["consistency"]})
    assert [reading.strong for reading in reads.store.readings] == [True] * 4
    later = time.time() + 3_600
    monkeypatch.setattr(time, "time", lambda: later)
    reads.item(read, headers={"consistency": answers[0]["headers"]["consistency"]})
    assert not reads.store.readings[-1].strong


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    "value", ["weak", "", "after=", "after=-1", "after=x", "after=²", "after=1 "]
)
def test_any_other_consistency_is_refused(reads: Reads, read: str, value: str) -> None:
    assert_problem(reads.call(read, headers={"consistency": value}), 422, "Consistency")
    assert reads.store.readings == []


@pytest.mark.parametrize("read", READS)
def test_an_explanation_comes_with_the_answer(reads: Reads, read: str) -> None:
    plain = json_body(reads.call(read))
    explained = json_body(reads.call(read, "explain=true", scopes=EXPLAINING))
    plan = explained.pop("explain")
    assert set(plan) == {"steps", "caches", "milliseconds"}
    assert explained == plain
    packed = reads.call(read, "explain=true", scopes=EXPLAINING, headers=MSGPACK)
    assert set(msgpack_body(packed)) == {*plain, "explain"}
    assert json_body(reads.call(read, "explain=false", scopes=EXPLAINING)) == plain


@pytest.mark.parametrize("read", READS)
def test_an_explanation_needs_its_scope(reads: Reads, read: str) -> None:
    answer = reads.call(read, "explain=true")
    assert_problem(answer, 403)
    assert "platform:explain" in json_body(answer)["detail"]
    assert reads.store.readings == []
    assert reads.call(read, "explain=false")["statusCode"] in (200, 207)
    assert_problem(reads.call(read, "explain=perhaps", scopes=EXPLAINING), 422, "explain")
