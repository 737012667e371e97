"""What each function has imported by the time that its handler is: the price of its cold start."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping

import pytest

from tests.conftest import ROOT
from tests.performance.api.bench import Deployment
from tests.performance.api.bundles import Bundle
from tests.performance.api.subject import bare, plain_environment

FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
OURS = {"customerai", "customerai_http", "customerai_static", "functions"}

IMPORTED = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
folders = tuple(sys.argv[2:])
names = {
    name.partition(".")[0]
    for name, module in sys.modules.items()
    if (getattr(module, "__file__", None) or "").startswith(folders)
    and ("." in name or not hasattr(module, "__path__"))
}
print(json.dumps(sorted(names)))
"""
"""A package of which nothing but its root is imported is not counted: Powertools asks botocore's
for its version, which costs next to nothing."""

TELEMETRY = frozenset({"aws_lambda_powertools", "jmespath", "typing_extensions"})
PYDANTIC = frozenset({"pydantic", "pydantic_core", "typing_extensions", "typing_inspection"})
CLIENT = frozenset({"httptools", "msgspec"})
WEB = frozenset({"annotated_doc", "anyio", "fastapi", "mangum", "opentelemetry", "starlette"})
TOKENS = frozenset({"_cffi_backend", "cryptography", "jwt"})

CONSUMER = TELEMETRY | CLIENT
CACHED = CONSUMER | {"snapshot_restore_py"}
HTTP = CACHED | PYDANTIC | WEB

TABLE: Mapping[str, frozenset[str]] = {
    "authorizer": CACHED | TOKENS,
    "interactions_api": HTTP,
    "sentiment_api": HTTP,
    "analytics_api": HTTP,
    "rollup_stream": CACHED,
    "analysis_queue": CACHED,
    "maintenance": CONSUMER,
}
"""Top-level packages from the layers. What is added here is paid for at every cold start."""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_imports_what_it_is_known_to(
    name: str, bundles: Mapping[str, Bundle], deployment: Deployment
) -> None:
    bundle = bundles[name]
    python = bare(bundle.task, *bundle.layers)
    answer = subprocess.run(
        [
            *(str(python.path), *python.options, "-c", IMPORTED),
            *(bundle.handler.rpartition(".")[0], *map(str, python.folders)),
        ],
        env=plain_environment(python, deployment.environment(name)),
        cwd=bundle.task,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    found = frozenset(json.loads(answer.stdout.splitlines()[-1])) - OURS
    added, gone = sorted(found - TABLE[name]), sorted(TABLE[name] - found)
    assert found == TABLE[name], f"{name} imports {added} too, and no longer {gone}"
