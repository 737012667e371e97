"""One name for all: folder, handler, function, log group, service, event folder."""

import ast
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.infra.templates import Template

CACHE_VARIABLES = {"CACHE_URL", "CACHE_READER_URL", "CACHE_IAM_NAME"}
# Parts of the local runner and the site, which are no Lambda functions.
NO_FUNCTIONS = {"__pycache__", "_runner", "dashboard"}


def folders() -> set[str]:
    return {
        folder.name for folder in (ROOT / "functions").iterdir() if folder.is_dir()
    } - NO_FUNCTIONS


def settings_fields(function: str) -> set[str]:
    """The fields of the function's frozen `Settings`, read without importing it."""
    tree = ast.parse((ROOT / "functions" / function / "settings.py").read_text())
    (settings,) = (
        node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings"
    )
    return {
        node.target.id
        for node in settings.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def test_every_folder_is_deployed_and_nothing_else(service: Template) -> None:
    assert set(service.functions()) == folders()


def test_no_function_may_import_another() -> None:
    """import-linter checks what its contract lists, so the list has to be complete."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (contract,) = (
        contract
        for contract in declared["tool"]["importlinter"]["contracts"]
        if contract["type"] == "independence"
    )
    handlers = (ROOT / "functions").glob("*/handler.py")
    assert sorted(contract["modules"]) == sorted(
        f"functions.{path.parent.name}" for path in handlers
    )


def test_all_names_derive_from_the_folder(service: Template) -> None:
    for name, function in service.functions().items():
        assert function["FunctionName"] == f"customerai-{service.stage}-{name}"
        assert function["Handler"] == f"functions.{name}.handler.handler"
        assert function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == name
        log_group = service.resources[function["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]
        assert log_group["LogGroupName"] == f"/aws/lambda/{function['FunctionName']}"
        assert log_group["RetentionInDays"] > 0


def test_logical_ids_can_be_typed(service: Template) -> None:
    assert set(service.of_type("AWS::Lambda::Function")) == {
        "".join(part.title() for part in name.split("_")) for name in service.functions()
    }
    assert set(service.of_type("AWS::Lambda::LayerVersion")) == {
        "CoreLayer",
        "HttpLayer",
        "StaticLayer",
    }


def test_every_handler_exists(service: Template) -> None:
    for function in service.functions().values():
        *module, attribute = function["Handler"].split(".")
        source = ROOT.joinpath(*module).with_suffix(".py")
        assert source.is_file(), source
        defined = re.compile(rf"^(def {attribute}\(|{attribute}\b.*=)", re.MULTILINE)
        assert defined.search(source.read_text()), source


def given(function: Mapping[str, Any]) -> set[str]:
    """The variables that the function's own code reads."""
    variables: Mapping[str, Any] = function["Environment"]["Variables"]
    return {variable for variable in variables if not variable.startswith("POWERTOOLS_")}


def test_environment_is_what_the_settings_read(service: Template) -> None:
    for name, function in service.functions().items():
        assert given(function) == {field.upper() for field in settings_fields(name)}, name


def test_without_a_cache_only_its_variables_are_left_to_whoever_runs_the_functions(
    local: Template,
) -> None:
    for name, function in local.functions().items():
        read = {field.upper() for field in settings_fields(name)}
        assert given(function) == read - CACHE_VARIABLES, name


def test_every_function_has_a_log_level_and_one_metrics_namespace(service: Template) -> None:
    for function in service.functions().values():
        variables = function["Environment"]["Variables"]
        assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "CustomerAI"
        assert variables["POWERTOOLS_LOG_LEVEL"] in {"DEBUG", "INFO"}


def test_functions_run_python_313_on_arm(service: Template) -> None:
    runtimes = {
        (function["Runtime"], *function["Architectures"])
        for function in service.functions().values()
    }
    assert runtimes == {("python3.13", "arm64")}


def test_functions_carry_the_layers_they_need_and_no_others(service: Template) -> None:
    for name, function in service.functions().items():
        layers = [layer["Ref"] for layer in function["Layers"]]
        serves_http = name == "authorizer" or name.endswith("_api")
        expected = ["CoreLayer", "HttpLayer"] if serves_http else ["CoreLayer"]
        if name == "sentiment_api":
            expected.append("StaticLayer")
        assert layers == expected


def test_each_function_has_a_role_of_its_own(service: Template) -> None:
    roles = [function["Role"]["Fn::GetAtt"][0] for function in service.functions().values()]
    assert len(set(roles)) == len(roles)


def test_every_function_has_events_and_every_event_a_function(service: Template) -> None:
    documented = {folder.name for folder in (ROOT / "events").iterdir() if folder.is_dir()}
    assert documented == set(service.functions())


@pytest.mark.parametrize(
    "event",
    sorted((ROOT / "events").glob("*/*.json")),
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_events_are_whole_json_objects(event: Path) -> None:
    assert isinstance(json.loads(event.read_text()), dict)


def test_no_events_folder_is_empty() -> None:
    for folder in (ROOT / "events").iterdir():
        assert list(folder.glob("*.json")), folder


def test_asset_paths_resolve(service: Template) -> None:
    assets = [
        resource["Metadata"]["aws:asset:path"]
        for resource in service.resources.values()
        if resource["Type"] in {"AWS::Lambda::Function", "AWS::Lambda::LayerVersion"}
    ]
    assert len(assets) == len(service.functions()) + 3
    for asset in assets:
        assert (service.path.parent / asset).is_dir()
