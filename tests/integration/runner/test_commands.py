"""`python -m functions`, as it is typed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest

from functions.__main__ import main
from functions._runner.assembly import STACKS
from functions._runner.settings import CHECKOUT, Settings


def command(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "functions", *arguments],
        cwd=CHECKOUT,
        env=os.environ | settings.to_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def with_issuer(settings: Settings) -> Settings:
    """The templates with an authorizer that trusts a key set beside them."""
    path = settings.assembly / f"{STACKS[1]}.template.json"
    template = json.loads(path.read_text())
    template["Resources"]["Guard"]["Properties"]["Environment"]["Variables"] |= {
        "JWKS_URL": (settings.state / "jwks.json").as_uri(),
        "TOKEN_ISSUER": "https://issuer",
        "TOKEN_AUDIENCE": "shop",
        "TENANT_CLAIM": "tenant",
    }
    path.write_text(json.dumps(template))
    return settings


def test_token_prints_a_token_and_nothing_else(with_issuer: Settings) -> None:
    done = command(with_issuer, "token", "--tenant", "acme", "--scope", "a:b", "--ttl", "5")
    assert (done.returncode, done.stderr) == (0, "")
    keys = jwt.PyJWKSet.from_json((with_issuer.state / "jwks.json").read_text())
    claims = jwt.decode(done.stdout.strip(), keys.keys[0], algorithms=["RS256"], audience="shop")
    assert (claims["tenant"], claims["scope"], claims["exp"] - claims["iat"]) == ("acme", "a:b", 5)


def test_a_bad_tenant_is_told_in_one_line(with_issuer: Settings) -> None:
    done = command(with_issuer, "token", "--tenant", "a b")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: 'a b' is no tenant")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("port", ["port", "model_port"])
def test_up_names_a_taken_port_and_what_to_do(with_issuer: Settings, port: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        done = command(replace(with_issuer, **{port: number}), "up")
    assert done.returncode == 1
    assert f"Port {number} of the " in done.stderr
    assert f"`--{port.replace('_', '-')}`" in done.stderr
    assert done.stderr.count("\n") == 1


def test_up_without_an_assembly_says_what_to_run(settings: Settings, tmp_path: Path) -> None:
    done = command(replace(settings, assembly=tmp_path / "none"), "up")
    assert done.returncode == 1
    assert "make setup" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("tool", ["dynoxide_binary", "parts.MINISTACK"])
def test_up_without_a_tool_says_what_to_run(
    with_issuer: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tool: str,
) -> None:
    missing = tmp_path / "tools" / "absent"
    path: Any = (lambda: missing) if tool == "dynoxide_binary" else missing
    monkeypatch.setattr(f"functions._runner.up.{tool}", path)
    for name, value in with_issuer.to_environment().items():
        monkeypatch.setenv(name, value)
    assert main(["up"]) == 1
    printed = capsys.readouterr()
    assert printed.err == f"error: {missing} is missing: run `make setup`.\n"
    assert printed.out == ""
    assert not with_issuer.state.exists()


def test_invoke_prints_what_the_handler_answers(settings: Settings, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"rawPath": "/x"}')
    done = command(settings, "invoke", "http_api", str(event))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["statusCode"] == 200


def test_invoke_prints_what_the_handler_raised(settings: Settings, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"rawPath": "/raise"}')
    done = command(settings, "invoke", "http_api", str(event))
    assert done.returncode == 1
    assert json.loads(done.stdout)["errorType"] == "ValueError"


@pytest.mark.parametrize(
    "answer",
    [{"statusCode": 503, "body": "{}"}, {"batchItemFailures": [{"itemIdentifier": "1"}]}],
    ids=["5xx", "records that failed"],
)
def test_invoke_prints_a_failure_and_exits_with_it(
    settings: Settings, tmp_path: Path, answer: dict[str, Any]
) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"rawPath": "/answer", "answer": answer}))
    done = command(settings, "invoke", "http_api", str(event))
    assert done.returncode == 1
    assert json.loads(done.stdout) == answer


@pytest.mark.parametrize(
    ("function", "content", "message"),
    [
        ("nobody", "{}", "nobody is no function; there are: broken, guard, http_api"),
        ("http_api", "{", "is not JSON"),
        ("http_api", None, "No such file"),
    ],
)
def test_invoke_refuses(
    settings: Settings, tmp_path: Path, function: str, content: str | None, message: str
) -> None:
    event = tmp_path / "event.json"
    if content is not None:
        event.write_text(content)
    done = command(settings, "invoke", function, str(event))
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
