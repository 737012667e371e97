"""Functions that somebody waits for start from a snapshot, and are called where it is."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from infra_cdk import app
from infra_cdk.bundling import platform_named
from infra_cdk.stages import STAGES, Size
from tests.infra.templates import Assembly, Template

AWAITED = {"authorizer", "interactions_api", "sentiment_api", "analytics_api"}


def logical_id(function: str) -> str:
    return "".join(part.title() for part in function.split("_"))


def published(template: Template, function: str) -> str:
    """The logical id of the version that the function's alias points to."""
    alias = template.of_type("AWS::Lambda::Alias")[f"{logical_id(function)}Live"]
    assert alias["Name"] == "live"
    assert alias["FunctionName"] == {"Ref": logical_id(function)}
    version: str = alias["FunctionVersion"]["Fn::GetAtt"][0]
    properties = template.of_type("AWS::Lambda::Version")[version]
    assert properties["FunctionName"] == {"Ref": logical_id(function)}
    return version


def test_what_is_waited_for_starts_from_a_snapshot_and_nothing_else_does(
    service: Template,
) -> None:
    snapped = {
        name
        for name, function in service.functions().items()
        if function.get("SnapStart") == {"ApplyOn": "PublishedVersions"}
    }
    assert snapped == AWAITED
    assert set(service.of_type("AWS::Lambda::Alias")) == {
        f"{logical_id(name)}Live" for name in AWAITED
    }


@pytest.mark.parametrize("function", sorted(AWAITED))
def test_the_alias_points_to_a_version_that_goes_when_its_successor_comes(
    service: Template, function: str
) -> None:
    """A snapshot is paid for as long as its version is there."""
    version = service.resources[published(service, function)]
    assert version["DeletionPolicy"] == version["UpdateReplacePolicy"] == "Delete"


def test_the_gateway_calls_the_alias_and_may(service: Template) -> None:
    aliases = {f"{logical_id(name)}Live" for name in AWAITED}
    called = {
        json.dumps(integration["IntegrationUri"])
        for integration in service.of_type("AWS::ApiGatewayV2::Integration").values()
    }
    assert called == {json.dumps({"Ref": alias}) for alias in aliases - {"AuthorizerLive"}}
    (authorizer,) = service.of_type("AWS::ApiGatewayV2::Authorizer").values()
    assert {"Ref": "AuthorizerLive"} in authorizer["AuthorizerUri"]["Fn::Join"][1]
    allowed = {
        permission["FunctionName"].get("Ref")
        for permission in service.of_type("AWS::Lambda::Permission").values()
        if permission["Principal"] == "apigateway.amazonaws.com"
    }
    assert allowed == aliases


def test_the_local_stage_knows_no_versions(local: Template) -> None:
    for kind in ("AWS::Lambda::Version", "AWS::Lambda::Alias"):
        assert not local.of_type(kind)
    for function in local.functions().values():
        assert "SnapStart" not in function


def test_the_deployed_runtime_has_snapshots() -> None:
    """Python 3.12 and newer, on either architecture; the local stage's platform is never asked."""
    deployed = platform_named("arm64")
    assert tuple(map(int, deployed.python.split("."))) >= (3, 12)
    assert deployed.runtime.supports_snap_start
    assert not STAGES["local"].snap_start


def versions(folder: Path) -> dict[str, str]:
    app.synthesise({"stage": "dev"}, str(folder), bundle=False)
    template = Assembly(folder).template("dev", "service")
    return {name: published(template, name) for name in AWAITED}


def test_a_change_publishes_a_version_of_what_it_changes_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its logical id: the version of an unchanged function keeps its snapshot."""
    monkeypatch.setenv("CDK_VALIDATION", "false")
    before = versions(tmp_path / "before")
    assert versions(tmp_path / "again") == before
    stage = STAGES["dev"]
    sizes = {**stage.sizes, "sentiment_api": Size(memory_mb=2048, timeout_s=28)}
    monkeypatch.setattr(app, "STAGES", {"dev": replace(stage, sizes=sizes)})
    after = versions(tmp_path / "after")
    assert {name for name in AWAITED if after[name] != before[name]} == {"sentiment_api"}
