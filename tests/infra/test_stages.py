"""What differs between stages, what a deployment is asked for, and what is refused."""

from pathlib import Path

import pytest

from infra_cdk.app import main, synthesise
from tests.conftest import ROOT
from tests.infra.templates import Assembly, Template

ASKED = {"JwksUrl": "JWKS_URL", "TokenIssuer": "TOKEN_ISSUER", "TokenAudience": "TOKEN_AUDIENCE"}


def test_a_deployment_has_to_name_its_identity_provider(service: Template) -> None:
    variables = service.functions()["authorizer"]["Environment"]["Variables"]
    for parameter, variable in ASKED.items():
        declared = service.body["Parameters"][parameter]
        assert "Default" not in declared
        assert variables[variable] == {"Ref": parameter}
    for parameter in ("JwksUrl", "TokenIssuer"):
        assert service.body["Parameters"][parameter]["AllowedPattern"] == "https://.+"
    assert variables["TENANT_CLAIM"] == "tenant"


def test_the_local_stage_knows_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDK_VALIDATION", "false")
    synthesise({"stage": "local"}, str(tmp_path), bundle=False)
    template = Assembly(tmp_path).template("local", "service")
    assert not set(ASKED) & set(template.body["Parameters"])
    variables = template.functions()["authorizer"]["Environment"]["Variables"]
    assert variables["JWKS_URL"] == (ROOT / ".local" / "jwks.json").as_uri()
    assert variables["TOKEN_ISSUER"] == "https://auth.customerai.local"
    assert variables["TOKEN_AUDIENCE"] == "customerai"
    (authorizer,) = template.of_type("AWS::ApiGatewayV2::Authorizer").values()
    assert authorizer["AuthorizerResultTtlInSeconds"] == 0
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    assert variables["ORIGIN_SECRET_ARN"] == ""


@pytest.mark.parametrize(
    ("stage_name", "shared", "open_"),
    [("dev", (100, 200), (10, 20)), ("prod", (2000, 4000), (50, 100))],
)
def test_the_gateway_is_throttled(
    assembly: Assembly, stage_name: str, shared: tuple[int, int], open_: tuple[int, int]
) -> None:
    (stage,) = assembly.template(stage_name, "service").of_type("AWS::ApiGatewayV2::Stage").values()
    settings = stage["DefaultRouteSettings"]
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == shared
    assert settings["DetailedMetricsEnabled"] is True
    assert {
        (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"])
        for settings in stage["RouteSettings"].values()
    } == {open_}


def test_production_logs_less_and_keeps_it_longer(assembly: Assembly) -> None:
    found = {}
    for stage in ("dev", "prod"):
        template = assembly.template(stage, "service")
        retention = {
            group["RetentionInDays"] for group in template.of_type("AWS::Logs::LogGroup").values()
        }
        levels = {
            function["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"]
            for function in template.functions().values()
        }
        found[stage] = (retention, levels)
    assert found == {"dev": ({14}, {"DEBUG"}), "prod": ({90}, {"INFO"})}


def test_waiting_interactions_are_swept_after_five_minutes(
    service: Template, bundled: Assembly
) -> None:
    def age(template: Template) -> str:
        variables = template.functions()["maintenance"]["Environment"]["Variables"]
        return str(variables["PENDING_AGE_SECONDS"])

    assert age(service) == "300"
    assert age(bundled.template("local", "service")) == "0"


def test_the_local_stage_holds_nothing_that_no_emulator_has(bundled: Assembly) -> None:
    stacks = {template.path.name for template in bundled.templates()}
    assert stacks == {
        "customerai-local-data.template.json",
        "customerai-local-service.template.json",
    }
    kinds = {
        resource["Type"].split("::")[1]
        for template in bundled.templates()
        for resource in template.resources.values()
    }
    assert not kinds & {"SageMaker", "ApplicationAutoScaling", "ElastiCache", "CloudFront", "EC2"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("-c", "stage=staging"), "'staging' is none of local, dev, prod"),
        (("-c", "platform=sparc"), "'sparc' is none of arm64, x86_64, host"),
        (("-c", "stage"), "--context wants KEY=VALUE"),
    ],
)
def test_what_does_not_exist_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    complaint: str,
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["-o", str(tmp_path), *arguments])
    assert refused.value.code == 2
    assert complaint in capsys.readouterr().err


def test_the_context_may_name_the_identity_provider(tmp_path: Path) -> None:
    given = {
        "jwks_url": "https://login.example.org/keys",
        "token_issuer": "https://login.example.org/",
        "token_audience": "insights",
    }
    synthesise({"stage": "dev", **given}, str(tmp_path), bundle=False)
    template = Assembly(tmp_path).template("dev", "service")
    assert not set(ASKED) & set(template.body["Parameters"])
    variables = template.functions()["authorizer"]["Environment"]["Variables"]
    assert {key: variables[key.upper()] for key in given} == given
