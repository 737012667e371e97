"""What is in the zips, and that it runs: from the bundle alone, outside of this environment."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from infra_cdk.bundling import BOTOCORE_SERVICES, interpreter_of, platform_named
from tests.conftest import ROOT
from tests.infra.templates import Assembly, Template

FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
DEPLOYED = platform_named("arm64").python
LAMBDA_LIMIT = 250 * 1024 * 1024
"""What a function and its layers may weigh unpacked."""

IMPORT_ALONE = """
import importlib, json, sys
task, *layers = json.loads(sys.argv[1])
standard = sys.path[:]
sys.path[:0] = [task, *layers]
handler = importlib.import_module(sys.argv[2]).handler
assert callable(handler)
strangers = {
    module.__name__
    for module in sys.modules.values()
    if (path := getattr(module, "__file__", None))
    and not path.startswith((task, *layers, *(p for p in standard if p)))
}
assert not strangers, strangers
assert "numpy" not in sys.modules, "numpy waits until an answer needs it"
stale = {
    module.__name__
    for module in sys.modules.values()
    if (path := getattr(module, "__file__", None) or "").startswith((task, *layers))
    and path.endswith(".py")
    and not (module.__cached__ and __import__("pathlib").Path(module.__cached__).is_file())
}
assert not stale, stale
"""

ANSWER_ALONE = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from customerai_static import StaticSentiment
print(StaticSentiment.load().probabilities(["Wonderful, thank you!"])[0].argmax())
"""

LAYERS = ("Core", "Http", "Static")


@pytest.fixture(scope="session")
def service_stack(bundled: Assembly) -> Template:
    return bundled.template("local", "service")


def layer(bundled: Assembly, service_stack: Template, name: str) -> Path:
    return bundled.asset(service_stack.resources[f"{name}Layer"]) / "python"


def function(bundled: Assembly, service_stack: Template, name: str) -> Path:
    logical_id = "".join(part.title() for part in name.split("_"))
    return bundled.asset(service_stack.resources[logical_id])


def has_interpreter(version: str) -> bool:
    """Whether bundling finds this Python, or the PATH has it, which bundling must not overlook."""
    on_path = shutil.which(f"python{version}")
    if on_path is None:
        return interpreter_of(version) is not None
    answer = subprocess.run([on_path, "--version"], capture_output=True, text=True, check=False)
    return answer.returncode == 0 or interpreter_of(version) is not None


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_carries_its_own_code_only(
    bundled: Assembly, service_stack: Template, name: str
) -> None:
    bundle = function(bundled, service_stack, name)
    sources = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*.py")}
    expected = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "functions" / name).rglob("*.py")
    }
    assert sources == expected | {"functions/__init__.py"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_starts_from_its_bundle_alone(
    bundled: Assembly, service_stack: Template, name: str
) -> None:
    """Isolated from this environment's packages, so that nothing missing can be found there."""
    properties = service_stack.functions()[name]
    layers = [bundled.asset(service_stack.resources[each["Ref"]]) for each in properties["Layers"]]
    folders = [function(bundled, service_stack, name), *(each / "python" for each in layers)]
    variables = {
        variable: value if isinstance(value, str) else "https://sqs.invalid/0/name"
        for variable, value in properties["Environment"]["Variables"].items()
    }
    answer = subprocess.run(
        [
            *(sys.executable, "-I", "-S", "-c", IMPORT_ALONE),
            json.dumps([str(folder) for folder in folders]),
            properties["Handler"].rpartition(".")[0],
        ],
        env={
            **variables,
            "CACHE_URL": "redis://127.0.0.1:1",
            "CACHE_READER_URL": "redis://127.0.0.1:1",
            "CACHE_IAM_NAME": "",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr


def test_the_http_layer_repeats_nothing_of_the_core(
    bundled: Assembly, service_stack: Template
) -> None:
    core = {path.name for path in layer(bundled, service_stack, "Core").iterdir()}
    http = {path.name for path in layer(bundled, service_stack, "Http").iterdir()}
    assert core & http <= {"__pycache__"}
    assert {"customerai", "botocore", "pydantic", "aws_lambda_powertools"} <= core
    assert {"customerai_http", "fastapi", "mangum", "jwt"} <= http


def test_the_static_layer_holds_the_model_and_what_runs_it(
    bundled: Assembly, service_stack: Template
) -> None:
    static = layer(bundled, service_stack, "Static")
    core = {path.name for path in layer(bundled, service_stack, "Core").iterdir()}
    packages = {path.name for path in static.iterdir()}
    shipped = {name for name in packages if not name.endswith(".dist-info")}
    assert shipped - {"__pycache__"} == {"customerai_static", "numpy", "numpy.libs", "tokenizers"}
    assert core & packages <= {"__pycache__"}
    for never_runs in ("f2py", "_core/include", "_core/tests"):
        assert not (static / "numpy" / never_runs).exists()
    artefact = ROOT / "layers" / "static" / "python" / "customerai_static" / "artifact"
    for file in artefact.iterdir():
        copy = static / "customerai_static" / "artifact" / file.name
        assert copy.read_bytes() == file.read_bytes()


def test_the_static_layer_answers_from_its_bundle_alone(
    bundled: Assembly, service_stack: Template
) -> None:
    layers = [str(layer(bundled, service_stack, name)) for name in ("Core", "Static")]
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ANSWER_ALONE, json.dumps(layers)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == "2"


def test_the_function_that_may_fall_back_has_the_static_layer(service_stack: Template) -> None:
    standing_on_it = {
        name
        for name, properties in service_stack.functions().items()
        if {"Ref": "StaticLayer"} in properties["Layers"]
    }
    assert standing_on_it == {"sentiment_api"}


def test_what_is_deployed_is_built_for_arm(assembly: Assembly) -> None:
    """Byte 18 of an ELF file names the machine; 183 is AArch64."""
    service = assembly.template("prod", "service")
    compiled = [
        path
        for resource in service.of_type("AWS::Lambda::LayerVersion")
        for path in assembly.asset(service.resources[resource]).rglob("*.so")
    ]
    assert len(compiled) >= 3
    assert {path.read_bytes()[18] for path in compiled} == {183}
    for_another_python = {
        path.name
        for path in compiled
        if (tag := re.search(r"cpython-(\d+)", path.name)) and tag[1] != "313"
    }
    assert not for_another_python


def test_bytecode_is_the_deployed_pythons_and_trusted_unseen(assembly: Assembly) -> None:
    """Flags 1: hash-based and unchecked (PEP 552), because a zip keeps no times to compare."""
    service = assembly.template("prod", "service")
    bundles = [
        assembly.asset(service.resources[resource])
        for kind in ("AWS::Lambda::Function", "AWS::Lambda::LayerVersion")
        for resource in service.of_type(kind)
    ]
    compiled = {path for bundle in bundles for path in bundle.rglob("*.pyc")}
    if not compiled and not has_interpreter(DEPLOYED):
        pytest.skip(f"no Python {DEPLOYED} to compile with: Lambda does it at each cold start")
    assert compiled == {
        path.parent / "__pycache__" / f"{path.stem}.cpython-{DEPLOYED.replace('.', '')}.pyc"
        for bundle in bundles
        for path in bundle.rglob("*.py")
    }
    assert {path.read_bytes()[4:8] for path in compiled} == {b"\x01\0\0\0"}


def test_continuous_integration_compiles_for_the_deployed_python() -> None:
    """Both Pythons are set up there; the last one is the one that runs the tests."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    steps = workflow["jobs"]["test"]["steps"]
    pythons = [
        step["with"]["python-version"]
        for step in steps
        if step.get("uses", "").startswith("actions/setup-python@")
    ]
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert pythons == [DEPLOYED, declared["project"]["requires-python"].removeprefix(">=")]


def test_no_development_package_ships(bundled: Assembly, service_stack: Template) -> None:
    shipped = {
        name: {path.name.lower() for path in layer(bundled, service_stack, name).iterdir()}
        for name in LAYERS
    }
    everywhere = set().union(*shipped.values())
    assert not everywhere & {"pytest", "moto", "mypy", "aws_cdk", "jsii", "uvicorn", "ruff"}
    assert not everywhere & {"onnxruntime", "huggingface_hub", "torch"}
    assert "numpy" not in shipped["Core"] | shipped["Http"]


def test_bundles_fit_into_lambda(bundled: Assembly, service_stack: Template) -> None:
    for name in FUNCTIONS:
        stands_on = service_stack.functions()[name]["Layers"]
        layers = [bundled.asset(service_stack.resources[each["Ref"]]) for each in stands_on]
        assert sum(map(size, (function(bundled, service_stack, name), *layers))) < LAMBDA_LIMIT / 2


def test_nothing_tells_where_it_was_built(bundled: Assembly, service_stack: Template) -> None:
    for name in LAYERS:
        folder = layer(bundled, service_stack, name)
        assert not (folder / "bin").exists()
        assert not list(folder.glob("*.dist-info/RECORD"))
    for name in FUNCTIONS:
        for compiled in function(bundled, service_stack, name).rglob("*.pyc"):
            assert str(ROOT).encode() not in compiled.read_bytes()


def test_the_aws_services_that_the_code_calls_are_described_and_no_others(
    bundled: Assembly, service_stack: Template
) -> None:
    sources = [
        *(ROOT / "layers").rglob("*.py"),
        *(path for name in FUNCTIONS for path in (ROOT / "functions" / name).rglob("*.py")),
    ]
    used = {
        service
        for source in sources
        for service in re.findall(r"""create_client\(\s*["']([a-z0-9-]+)["']""", source.read_text())
    }
    if any("from pynamodb" in source.read_text() for source in sources):
        used.add("dynamodb")
    assert used == BOTOCORE_SERVICES
    described = {
        folder.name
        for folder in (layer(bundled, service_stack, "Core") / "botocore" / "data").iterdir()
        if folder.is_dir()
    }
    assert described == BOTOCORE_SERVICES
