"""Each function's real layers and code, under the real Runtime Interface Emulator."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.integration.bundles.emulator import emulated
from tests.performance.api.bench import Deployment
from tests.performance.api.bundles import Bundle
from tests.performance.api.canned import STORED, stored
from tests.performance.api.parts import Stub
from tests.performance.api.subject import bare

FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))

Calls = Mapping[str, int]
Check = Callable[[Any, Calls], None]

PROBE = """
import importlib, os, sys
importlib.import_module(os.environ["PROBED"])
def handler(event, context):
    modules = list(sys.modules.values())
    return sorted({file for each in modules if (file := getattr(each, "__file__", None))})
"""


def body(answer: Any) -> Any:
    """What the client reads: the gateway undoes base 64, and the client the compression."""
    assert answer["statusCode"] == 200, answer
    content = answer["body"].encode()
    if answer["isBase64Encoded"]:
        content = base64.b64decode(content)
    if answer["headers"].get("content-encoding") == "gzip":
        content = gzip.decompress(content)
    return json.loads(content)


def authorizer(answer: Any, calls: Calls) -> None:
    assert answer["isAuthorized"] is True
    assert answer["context"]["tenant"] == "demo"


def interactions_api(answer: Any, calls: Calls) -> None:
    found, item = body(answer), stored()
    assert (found["id"], found["text"]) == (STORED, item["text"]["S"])
    assert found["metadata"] == json.loads(item["metadata"]["S"])
    assert found["sentiment"]["label"] == item["sentiment"]["S"]
    assert found["analysis"]["language"]["code"] == "en"


def sentiment_api(answer: Any, calls: Calls) -> None:
    assert body(answer)["label"] == "positive"
    assert calls["invocations"] == 1


def analytics_api(answer: Any, calls: Calls) -> None:
    assert body(answer)["total"] == 3
    assert calls["Query"] >= 1


def rollup_stream(answer: Any, calls: Calls) -> None:
    assert answer == {"batchItemFailures": [], "state": {}}
    assert calls["UpdateItem"] >= 1
    assert calls["SendMessageBatch"] == 1


def analysis_queue(answer: Any, calls: Calls) -> None:
    assert answer == {"batchItemFailures": []}
    assert (calls["invocations"], calls["UpdateItem"]) == (1, 1)


def maintenance(answer: Any, calls: Calls) -> None:
    assert answer == {"swept": 1}
    assert calls["SendMessageBatch"] == 1


CASES: Mapping[str, tuple[str, Check]] = {
    "authorizer": ("request", authorizer),
    "interactions_api": ("get", interactions_api),
    "sentiment_api": ("analyse", sentiment_api),
    "analytics_api": ("summary", analytics_api),
    "rollup_stream": ("stored", rollup_stream),
    "analysis_queue": ("messages", analysis_queue),
    "maintenance": ("schedule", maintenance),
}
"""One event of each function, and what has to come of it."""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_bundle_answers_one_of_its_events(
    name: str,
    bundles: Mapping[str, Bundle],
    client: Path,
    deployment: Deployment,
    services: Stub,
    tmp_path: Path,
) -> None:
    bundle = bundles[name]
    file, check = CASES[name]
    event = json.loads((ROOT / "events" / name / f"{file}.json").read_text())
    if "headers" in event:
        event["headers"]["authorization"] = f"Bearer {deployment.token('demo')}"
    environment = deployment.environment(name)
    log = tmp_path / "emulator.log"
    python = bundle.python(client)
    with emulated(python, bundle.task, bundle.handler, environment, log) as invoke:
        answer = invoke(event)
        check(answer, services.calls())
        assert _told(invoke(event)) == _told(answer)  # the same process, warm


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_comes_from_this_checkout_or_its_environment(
    name: str,
    bundles: Mapping[str, Bundle],
    client: Path,
    deployment: Deployment,
    tmp_path: Path,
) -> None:
    """By the files of all modules in the emulated process."""
    bundle = bundles[name]
    (tmp_path / "probe.py").write_text(PROBE)
    python = bare(bundle.task, *bundle.layers, client, tmp_path)
    environment = deployment.environment(name) | {"PROBED": f"functions.{name}.handler"}
    log = tmp_path / "emulator.log"
    with emulated(python, bundle.task, "probe.handler", environment, log) as invoke:
        files = invoke({})
    standard = python.path.resolve().parents[1]
    allowed = (*python.folders, standard)
    strangers = [
        file for file in files if not any(Path(file).is_relative_to(each) for each in allowed)
    ]
    assert not strangers
    assert not [file for file in files if "site-packages" in Path(file).parts]
    assert str(bundle.task / "functions" / name / "handler.py") in files


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    """Without the headers: they tell what the cache had."""
    return {name: value for name, value in answer.items() if name != "headers"}
