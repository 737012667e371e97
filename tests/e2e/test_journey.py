"""From a client's request to the numbers, through everything that is deployed."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest

from tests.e2e.emulator import Emulator, wait_for
from tests.e2e.identity import Issuer

PRAISE = "Delivered a day early, fits perfectly, and the colour is wonderful. I love it!"
COMPLAINT = "It broke on the first day and nobody answers my emails. Terrible, I want a refund."
ANALYSED_S = 60.0

Client = Callable[[str], httpx.Client]


def interaction(text: str, **more: Any) -> dict[str, Any]:
    return {"customer_id": "cust-1042", "channel": "review", "text": text, **more}


def stored(client: httpx.Client, text: str, **headers: str) -> str:
    answer = client.post("/v1/interactions", json=interaction(text), headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def analysed(client: httpx.Client, interaction_id: str) -> dict[str, Any]:
    """The interaction, once its sentiment is there."""

    def attempt() -> dict[str, Any] | None:
        answer = client.get(f"/v1/interactions/{interaction_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found if found["sentiment"] else None

    return wait_for(attempt, ANALYSED_S, pause=0.2)


def summary_when(client: httpx.Client, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The summary, once it holds: the rollups follow the stream."""

    def attempt() -> dict[str, Any] | None:
        answer = client.get("/v1/analytics/summary")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found if holds(found) else None

    return wait_for(attempt, ANALYSED_S, pause=0.2)


def test_what_a_customer_says_ends_in_the_numbers(client_of: Client, tenant: str) -> None:
    client = client_of(tenant)
    praise, complaint = stored(client, PRAISE), stored(client, COMPLAINT)
    assert analysed(client, praise)["sentiment"]["label"] == "positive"
    scores = analysed(client, complaint)["sentiment"]["scores"]
    assert max(scores, key=lambda label: scores[label]) == "negative"
    assert sum(scores.values()) == pytest.approx(1, abs=1e-3)

    summary = summary_when(client, lambda found: found["sentiment"]["pending"] == 0)
    assert summary["total"] == 2
    assert summary["sentiment"] == {"negative": 1, "neutral": 0, "positive": 1, "pending": 0}
    assert summary["channels"]["review"] == 2
    assert -1 < summary["mean_score"] < 1

    listed = client.get("/v1/interactions", params={"sentiment": "negative"}).json()
    assert [item["id"] for item in listed["items"]] == [complaint]


def test_tenants_see_nothing_of_each_other(client_of: Client, tenant: str) -> None:
    owner, stranger = client_of(tenant), client_of(f"{tenant}-rival")
    secret = stored(owner, PRAISE)
    analysed(owner, secret)
    assert stranger.get(f"/v1/interactions/{secret}").status_code == 404
    assert stranger.delete(f"/v1/interactions/{secret}").status_code == 404
    assert stranger.get("/v1/interactions").json()["items"] == []
    assert stranger.get("/v1/analytics/summary").json()["total"] == 0
    assert owner.get(f"/v1/interactions/{secret}").status_code == 200


def test_a_repeated_request_is_counted_once(client_of: Client, tenant: str) -> None:
    client = client_of(tenant)
    key = {"Idempotency-Key": "order-A-7781-review"}
    first, again = stored(client, PRAISE, **key), stored(client, PRAISE, **key)
    assert first == again
    analysed(client, first)
    assert summary_when(client, lambda found: found["sentiment"]["positive"] > 0)["total"] == 1
    other = client.post("/v1/interactions", json=interaction(COMPLAINT), headers=key)
    assert other.status_code == 422
    assert other.headers["content-type"] == "application/problem+json"


def test_what_is_deleted_is_no_longer_counted(client_of: Client, tenant: str) -> None:
    client = client_of(tenant)
    kept, doomed = stored(client, PRAISE), stored(client, COMPLAINT)
    for each in (kept, doomed):
        analysed(client, each)
    summary_when(client, lambda found: found["sentiment"]["pending"] == 0)
    assert client.delete(f"/v1/interactions/{doomed}").status_code == 204
    summary = summary_when(client, lambda found: found["total"] == 1)
    assert summary["sentiment"]["positive"] == 1
    assert client.get(f"/v1/interactions/{doomed}").status_code == 404


def test_pages_follow_each_other(client_of: Client, tenant: str) -> None:
    client = client_of(tenant)
    batch = {"items": [interaction(f"Parcel {number} came.") for number in range(5)]}
    answer = client.post("/v1/interactions/batch", json=batch)
    assert answer.status_code == 207, answer.text
    ids = {result["id"] for result in answer.json()["results"]}
    seen: list[str] = []
    parameters: dict[str, str | int] = {"limit": 2}
    while True:
        page = client.get("/v1/interactions", params=parameters).json()
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        parameters["cursor"] = page["next"]
    assert len(seen) == 5
    assert set(seen) == ids


def test_many_are_read_and_deleted_together(client_of: Client, tenant: str) -> None:
    """In MessagePack, field by field, and with what was written a moment ago."""
    client = client_of(tenant)
    batch = {"items": [interaction(f"Parcel {number} came.") for number in range(3)]}
    written = client.post("/v1/interactions/batch", json=batch)
    ids = [result["id"] for result in written.json()["results"]]
    headers = {
        "accept": "application/msgpack",
        "consistency": written.headers["consistency"],
    }
    asked = {"ids": ",".join([*ids, "none"]), "fields[interactions]": "text"}
    read = client.get("/v1/interactions/batch", params=asked, headers=headers)
    assert read.status_code == 207, read.text
    assert read.headers["content-type"] == "application/msgpack"
    results = msgspec.msgpack.decode(read.content)["results"]
    assert [result["status"] for result in results] == [200, 200, 200, 404]
    assert [result["interaction"] for result in results[:3]] == [
        {"id": each, "text": f"Parcel {number} came."} for number, each in enumerate(ids)
    ]
    doomed = {"ids": ",".join([ids[0], ids[2], "none"])}
    deleted = client.delete("/v1/interactions/batch", params=doomed)
    assert [result["status"] for result in deleted.json()["results"]] == [204, 204, 404]
    fresh = {"consistency": deleted.headers["consistency"]}
    listed = client.get("/v1/interactions", headers=fresh).json()
    assert [item["id"] for item in listed["items"]] == [ids[1]]
    assert (listed["has_more"], listed["count"]) == (False, {"value": 1, "exact": True})


def test_links_lead_from_page_to_page(client_of: Client, tenant: str) -> None:
    client = client_of(tenant)
    batch = {"items": [interaction(f"Parcel {number} came.") for number in range(5)]}
    written = client.post("/v1/interactions/batch", json=batch)
    headers = {"consistency": written.headers["consistency"]}
    page = client.get("/v1/interactions", params={"limit": 2, "fields": "channel"}, headers=headers)
    seen = page.json()["items"]
    while "next" in page.links:
        page = client.get(page.links["next"]["url"], headers=headers)
        seen += page.json()["items"]
    assert all(set(item) == {"id", "channel"} for item in seen)
    assert {item["id"] for item in seen} == {each["id"] for each in written.json()["results"]}
    assert len(seen) == 5


def test_an_unknown_field_and_an_explanation_without_its_scope_are_refused(
    client_of: Client, tenant: str
) -> None:
    client = client_of(tenant)
    unknown = client.get("/v1/interactions", params={"fields": "mood"})
    assert unknown.status_code == 400
    assert unknown.json()["errors"][0]["field"] == "fields"
    assert client.get("/v1/interactions", params={"explain": "true"}).status_code == 403


def test_a_text_can_be_analysed_without_storing_it(client_of: Client, tenant: str) -> None:
    client = client_of(tenant)
    answer = client.post("/v1/sentiment", json={"text": COMPLAINT})
    assert answer.status_code == 200, answer.text
    assert answer.json()["label"] == "negative"
    assert client.get("/v1/interactions").json()["items"] == []


def test_a_tenant_sorts_what_customers_say_by_topics_of_its_own(
    client_of: Client, tenant: str
) -> None:
    client = client_of(tenant)
    read = client.get("/v1/taxonomy")
    assert read.status_code == 200, read.text
    assert read.json()["is_default"] is True
    own = {"topics": [{"id": "refunds", "label": "Refunds", "examples": ["I want a refund."]}]}
    match = {"If-Match": read.headers["etag"]}
    written = client.put("/v1/taxonomy", json=own, headers=match)
    assert written.status_code == 200, written.text
    late = {"topics": [{"id": "late", "label": "Too late"}]}
    assert client.put("/v1/taxonomy", json=late, headers=match).status_code == 412
    assert client.put("/v1/taxonomy", json=late).status_code == 428
    version = client.get("/v1/taxonomy").json()["version"]
    assert written.headers["etag"] == f'"{version}"'

    everything = ["aspects", "topics", "intent", "urgency", "language"]
    answer = client.post("/v1/sentiment", json={"text": COMPLAINT, "include": everything})
    assert answer.status_code == 200, answer.text
    now = answer.json()
    assert (now["taxonomy"], now["omitted"]) == (version, None)
    kept = analysed(client, stored(client, COMPLAINT))["analysis"]
    assert kept["taxonomy"] == version
    assert {topic["id"] for topic in [*now["topics"], *kept["topics"]]} <= {"refunds"}
    for aspect in kept["aspects"]:
        assert COMPLAINT[aspect["start"] : aspect["end"]] == aspect["words"]


def test_the_sweep_runs_as_deployed(emulator: Emulator) -> None:
    answer = emulator.client("lambda").invoke(
        FunctionName="customerai-local-maintenance", Payload=b"{}"
    )
    assert "FunctionError" not in answer, answer["Payload"].read()
    assert json.loads(answer["Payload"].read())["swept"] >= 0


def test_a_failed_sweep_is_not_repeated(emulator: Emulator) -> None:
    settings = emulator.client("lambda").get_function_event_invoke_config(
        FunctionName="customerai-local-maintenance", Qualifier="$LATEST"
    )
    assert settings["MaximumRetryAttempts"] == 0


def test_what_nobody_can_read_is_put_aside(
    emulator: Emulator, client_of: Client, tenant: str
) -> None:
    """It holds up nothing: what comes after it in the stream is counted."""
    unreadable = f"{tenant}#0", f"not-an-id-{tenant}"
    emulator.client("dynamodb").put_item(
        TableName="customerai-local-interactions",
        Item=dict(zip(("pk", "id"), ({"S": part} for part in unreadable), strict=True)),
    )
    client = client_of(tenant)
    stored(client, PRAISE)
    assert summary_when(client, lambda found: found["total"] > 0)["total"] == 1

    s3 = emulator.client("s3")
    bucket = emulator.physical_id("customerai-local-data", "DeadRecordsBucket")
    kept = s3.list_objects_v2(Bucket=bucket, Prefix="rollup_stream/")["Contents"]
    records = [
        json.loads(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()) for item in kept
    ]
    keys = [record["dynamodb"]["Keys"] for record in records]
    assert [key for key in keys if key["id"]["S"] == unreadable[1]] == [
        {"pk": {"S": unreadable[0]}, "id": {"S": unreadable[1]}}
    ]


def test_health_looks_at_every_part(api: httpx.Client) -> None:
    answer = api.get("/health")
    assert answer.status_code == 200, answer.text
    assert answer.json()["parts"] == {"store": "ok", "queue": "ok", "model": "ok"}


def test_open_routes_have_a_throttle_of_their_own(emulator: Emulator) -> None:
    """Deployed as declared; the emulator itself holds nobody back."""
    gateway = emulator.client("apigatewayv2")
    api = emulator.physical_id("customerai-local-service", "Api")
    (stage,) = gateway.get_stages(ApiId=api)["Items"]
    keys = {
        route["RouteKey"]
        for route in gateway.get_routes(ApiId=api)["Items"]
        if route["AuthorizationType"] == "NONE"
    }
    assert set(stage["RouteSettings"]) == keys
    assert "GET /health" in keys


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_the_documentation_is_open(api: httpx.Client, path: str) -> None:
    assert api.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1/interactions", "/v1/interactions/x", "/v1/analytics/summary"]
)
def test_without_a_token_nobody_gets_in(api: httpx.Client, path: str) -> None:
    assert api.get(path).status_code == 401


def test_a_token_has_to_be_right_in_every_part(api: httpx.Client, issuer: Issuer) -> None:
    tokens = {
        "garbage": "no.token.atall",
        "signed by somebody else": Issuer().token("acme"),
        "expired": issuer.token("acme", lifetime_s=-60),
        "for another audience": issuer.token("acme", aud="others"),
        "from another issuer": issuer.token("acme", iss="https://elsewhere.example.org"),
        "without a tenant": issuer.token(""),
    }
    answers = {
        reason: api.get("/v1/interactions", headers={"authorization": f"Bearer {token}"})
        for reason, token in tokens.items()
    }
    assert {reason: answer.status_code for reason, answer in answers.items()} == dict.fromkeys(
        tokens, 403
    )


def test_a_scope_that_is_missing_is_told(api: httpx.Client, issuer: Issuer, tenant: str) -> None:
    token = issuer.token(tenant, scope="analytics:read")
    answer = api.post(
        "/v1/interactions",
        json=interaction(PRAISE),
        headers={"authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert "interactions:write" in answer.json()["detail"]
