"""docs/sam.md has one line for every event, and each names what the template has."""

import re
import shlex

from tests.conftest import ROOT
from tests.infra.templates import Assembly

PAGE = (ROOT / "docs/sam.md").read_text()
LINES = [shlex.split(line) for line in re.findall(r"^sam local .+$", PAGE, re.MULTILINE)]


def test_every_event_has_a_line() -> None:
    events = {path.relative_to(ROOT).as_posix() for path in (ROOT / "events").glob("*/*.json")}
    assert {line[-1] for line in LINES} == events


def test_every_line_names_the_function_of_its_event(assembly: Assembly) -> None:
    service = assembly.template("dev", "service")
    for _, _, _, logical_id, _, template, _, event in LINES:
        assert template == f"cdk.out/{service.path.name}"
        function = service.resources[logical_id]["Properties"]["FunctionName"]
        assert function == f"customerai-dev-{event.split('/')[1]}"


def test_the_code_of_every_named_function_is_there(assembly: Assembly) -> None:
    service = assembly.template("dev", "service")
    named = {line[3] for line in LINES}
    layers = service.of_type("AWS::Lambda::LayerVersion")
    for logical_id in [*named, *layers]:
        path = service.resources[logical_id]["Metadata"]["aws:asset:path"]
        assert (service.path.parent / path).is_dir(), logical_id
