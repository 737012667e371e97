"""What CloudFront may keep, what it hands on, and how the API knows it."""

import asyncio
import base64
import hashlib
import json
import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from functions.interactions_api.documents import build_router
from tests.infra.templates import Assembly, Template
from tests.infra.test_wiring import GUARDED, OPEN

CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
"""AWS's own policy of that name."""
VERIFY = "x-origin-verify"


def config(edge: Template) -> dict[str, Any]:
    (distribution,) = edge.of_type("AWS::CloudFront::Distribution").values()
    found: dict[str, Any] = distribution["DistributionConfig"]
    return found


def behavior(edge: Template, path: str) -> dict[str, Any]:
    """What CloudFront does with the path: the first pattern that fits, else the default."""
    for candidate in config(edge)["CacheBehaviors"]:
        pattern = re.escape(candidate["PathPattern"]).replace(r"\*", ".*")
        if re.fullmatch(pattern, path):
            return dict(candidate)
    return dict(config(edge)["DefaultCacheBehavior"])


def referred(edge: Template, reference: dict[str, str], kind: str) -> dict[str, Any]:
    properties: dict[str, Any] = edge.resources[reference["Ref"]]["Properties"]
    found: dict[str, Any] = properties[kind]
    return found


def paths(routes: dict[str, str]) -> set[str]:
    """A path for each route, as a client would call it."""
    return {key.split(" ", 1)[1].replace("{proxy+}", "any/thing") for key in routes}


@pytest.mark.parametrize("path", sorted({*paths(GUARDED), "/v1/what-comes-next", "/"}))
def test_no_tenant_gets_another_ones_answer(edge: Template, path: str) -> None:
    """Nothing is kept by default, and whatever was would be found by its own token only."""
    policy = referred(edge, behavior(edge, path)["CachePolicyId"], "CachePolicyConfig")
    assert (policy["MinTTL"], policy["DefaultTTL"]) == (0, 0)
    assert policy["MaxTTL"] <= 1
    key = policy["ParametersInCacheKeyAndForwardedToOrigin"]
    assert key["HeadersConfig"]["HeaderBehavior"] == "whitelist"
    assert {"Authorization", "Accept", "Consistency"} <= set(key["HeadersConfig"]["Headers"])
    assert key["QueryStringsConfig"] == {"QueryStringBehavior": "all"}


@pytest.mark.parametrize("path", sorted(paths(GUARDED)))
def test_the_functions_get_everything_that_a_client_sends_but_its_host(
    edge: Template, path: str
) -> None:
    found = behavior(edge, path)
    assert {"GET", "PUT", "PATCH", "POST", "DELETE"} < set(found["AllowedMethods"])
    policy = referred(edge, found["OriginRequestPolicyId"], "OriginRequestPolicyConfig")
    assert policy["HeadersConfig"] == {"HeaderBehavior": "allExcept", "Headers": ["Host"]}
    assert policy["QueryStringsConfig"] == {"QueryStringBehavior": "all"}
    assert policy["CookiesConfig"] == {"CookieBehavior": "none"}


@pytest.mark.parametrize("path", sorted(paths(OPEN) - {"/health"}))
def test_the_description_is_kept_for_minutes_whoever_asks(edge: Template, path: str) -> None:
    found = behavior(edge, path)
    assert found["AllowedMethods"] == ["GET", "HEAD"]
    assert "OriginRequestPolicyId" not in found
    policy = referred(edge, found["CachePolicyId"], "CachePolicyConfig")
    assert 60 <= policy["MinTTL"] <= policy["DefaultTTL"] <= policy["MaxTTL"] <= 600
    key = policy["ParametersInCacheKeyAndForwardedToOrigin"]
    assert key["HeadersConfig"] == {"HeaderBehavior": "none"}
    assert key["QueryStringsConfig"] == {"QueryStringBehavior": "none"}


def test_health_is_asked_each_time(edge: Template) -> None:
    assert behavior(edge, "/health")["CachePolicyId"] == CACHING_DISABLED


@pytest.mark.parametrize("path", sorted(paths(GUARDED) | paths(OPEN) - {"/health"}))
def test_answers_are_compressed_at_the_edge(edge: Template, path: str) -> None:
    """CloudFront compresses only under a policy that could keep something."""
    found = behavior(edge, path)
    assert found["Compress"] is True
    policy = referred(edge, found["CachePolicyId"], "CachePolicyConfig")
    key = policy["ParametersInCacheKeyAndForwardedToOrigin"]
    assert key["EnableAcceptEncodingBrotli"] is key["EnableAcceptEncodingGzip"] is True
    assert policy["MaxTTL"] > 0


def test_clients_may_speak_http_2_and_3(edge: Template) -> None:
    assert config(edge)["HttpVersion"] == "http2and3"


@pytest.mark.parametrize("path", sorted({*paths(GUARDED), *paths(OPEN)}))
def test_every_answer_tells_browsers_to_be_careful(edge: Template, path: str) -> None:
    found = behavior(edge, path)
    assert found["ViewerProtocolPolicy"] == "https-only"
    headers = referred(edge, found["ResponseHeadersPolicyId"], "ResponseHeadersPolicyConfig")
    security = headers["SecurityHeadersConfig"]
    assert all(each["Override"] is True for each in security.values())
    assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31_536_000
    assert security["StrictTransportSecurity"]["IncludeSubdomains"] is True
    assert "ContentTypeOptions" in security
    assert security["FrameOptions"]["FrameOption"] == "DENY"
    assert security["ReferrerPolicy"]["ReferrerPolicy"] == "no-referrer"
    allowed = sources(edge, path)
    assert allowed["default-src"] == allowed["frame-ancestors"] == {"'none'"}


def sources(edge: Template, path: str) -> dict[str, set[str]]:
    """The content security policy of the path: allowed sources by directive."""
    policy = behavior(edge, path)["ResponseHeadersPolicyId"]
    headers = referred(edge, policy, "ResponseHeadersPolicyConfig")["SecurityHeadersConfig"]
    directives = headers["ContentSecurityPolicy"]["ContentSecurityPolicy"].split(";")
    return {name: set(allowed) for name, *allowed in (each.split() for each in directives)}


def test_data_may_run_nothing(edge: Template) -> None:
    for path in (*paths(GUARDED), "/openapi.json", "/health"):
        assert set().union(*sources(edge, path).values()) == {"'none'"}


def page() -> str:
    """The documentation as the function answers it."""

    async def asked() -> str:
        app = FastAPI(openapi_url=None)
        app.include_router(build_router({}))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://api") as client:
            return (await client.get("/docs")).text

    return asyncio.run(asked())


def origins(tags: str) -> set[str]:
    found = re.findall(rf"<{tags}[^>]* (?:src|href)=\"(https://[^/]+)/", page())
    assert found
    return set(found)


def test_the_documentation_may_load_what_its_page_names_and_no_more(edge: Template) -> None:
    allowed = sources(edge, "/docs")
    (inline,) = re.findall(r"<script>(.*?)</script>", page(), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
    assert allowed["script-src"] == origins("script") | {f"'sha256-{digest}'"}
    assert allowed["style-src"] == origins('link type="text/css"') | {"'unsafe-inline'"}
    assert allowed["img-src"] == origins('link rel="shortcut icon"') | {"'self'", "data:"}
    # The page asks for /openapi.json and lets people try the API, both where it came from.
    assert allowed["connect-src"] == {"'self'"}
    assert "url: '/openapi.json'" in inline


def test_the_origin_is_the_api_over_tls(edge: Template, service: Template) -> None:
    (origin,) = config(edge)["Origins"]
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    assert origin["CustomOriginConfig"]["OriginSSLProtocols"] == ["TLSv1.2"]
    (imported,) = re.findall(r'"Fn::ImportValue": "([^"]+)"', json.dumps(origin["DomainName"]))
    (exported,) = (
        output["Value"]
        for output in service.body["Outputs"].values()
        if output.get("Export", {}).get("Name") == imported
    )
    assert exported == {"Fn::GetAtt": ["Api", "ApiEndpoint"]}


def test_the_edge_shows_the_secret_that_the_authorizer_knows(
    edge: Template, service: Template, data: Template
) -> None:
    (origin,) = config(edge)["Origins"]
    (header,) = origin["OriginCustomHeaders"]
    assert header["HeaderName"] == VERIFY
    secret = data.of_type("AWS::SecretsManager::Secret")["OriginSecret"]
    # A reference that CloudFormation resolves: the value is in no template.
    assert header["HeaderValue"] == (
        f"{{{{resolve:secretsmanager:{secret['Name']}:SecretString:::}}}}"
    )
    known = service.functions()["authorizer"]["Environment"]["Variables"]["ORIGIN_SECRET_ARN"]
    (exported,) = (
        output["Value"]
        for output in data.body["Outputs"].values()
        if output.get("Export", {}).get("Name") == known["Fn::ImportValue"]
    )
    assert exported == {"Ref": "OriginSecret"}


def test_a_verdict_on_the_edges_request_serves_no_other(service: Template) -> None:
    """Verdicts are kept by identity source; without all sources there is no verdict at all."""
    (authorizer,) = service.of_type("AWS::ApiGatewayV2::Authorizer").values()
    assert f"$request.header.{VERIFY}" in authorizer["IdentitySource"]


def test_production_asks_for_its_domain_and_speaks_no_old_tls(assembly: Assembly) -> None:
    edge = assembly.template("prod", "edge")
    for parameter in ("Domain", "CertificateArn"):
        assert "Default" not in edge.body["Parameters"][parameter]
    assert config(edge)["Aliases"] == [{"Ref": "Domain"}]
    certificate = config(edge)["ViewerCertificate"]
    assert certificate["AcmCertificateArn"] == {"Ref": "CertificateArn"}
    assert certificate["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert certificate["SslSupportMethod"] == "sni-only"
    pattern = edge.body["Parameters"]["CertificateArn"]["AllowedPattern"]
    certificate_arn = "arn:aws:acm:{}:123456789012:certificate/12345678-aaaa"
    assert re.fullmatch(pattern, certificate_arn.format("us-east-1"))
    assert not re.fullmatch(pattern, certificate_arn.format("eu-central-1"))
    domain = edge.body["Parameters"]["Domain"]["AllowedPattern"]
    assert re.fullmatch(domain, "api.example.com")
    assert not re.fullmatch(domain, "https://api.example.com/")


def test_development_has_cloudfronts_own_domain(assembly: Assembly) -> None:
    edge = assembly.template("dev", "edge")
    assert "Domain" not in edge.body["Parameters"]
    assert "Aliases" not in config(edge)
    assert "ViewerCertificate" not in config(edge)


def test_clients_are_told_to_call_the_edge(edge: Template, service: Template) -> None:
    assert edge.body["Outputs"]["Url"]["Description"] == "Where clients call"
    assert service.body["Outputs"]["ApiUrl"]["Description"] == "Where the edge calls"
