"""An AWS emulator of our own, and how a synthesised assembly gets onto it without the CDK."""

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
import httpx
from botocore.config import Config

from tests.conftest import ROOT

ACCOUNT = "000000000000"
REGION = "us-east-1"
T = TypeVar("T")
_BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
_START_S = 60.0
_DEPLOY_S = 60.0


class NotReadyError(Exception):
    """A process ended, or did not answer in time; the message ends with what it said last."""


@dataclass(frozen=True)
class Emulator:
    """ministack on a port of its own."""

    url: str

    def client(self, service: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            # Keys of its own: the CDK and the SDKs remember accounts by access key.
            aws_access_key_id="customerai-e2e",
            aws_secret_access_key="none",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def api_url(self, stack: str) -> str:
        """Where the stack's HTTP API answers. The usual host name would need a name server."""
        return f"{self.url}/_aws/execute-api/{self.physical_id(stack, 'Api')}"

    def physical_id(self, stack: str, logical_id: str) -> str:
        """What the stack's resource is called in the account."""
        resources = self.client("cloudformation").describe_stack_resources(StackName=stack)
        (found,) = (
            str(resource["PhysicalResourceId"])
            for resource in resources["StackResources"]
            if resource["LogicalResourceId"] == logical_id
        )
        return found

    def deploy(self, assembly: Path, stacks: Sequence[str]) -> None:
        """What `cdk deploy` does: publish each stack's assets, then create it from its template.

        Raises AssertionError with CloudFormation's events where a stack is not created.
        """
        self.client("ssm").put_parameter(
            Name=_BOOTSTRAP_VERSION, Value="32", Type="String", Overwrite=True
        )
        for stack in stacks:
            self._publish(assembly, json.loads((assembly / f"{stack}.assets.json").read_text()))
            self._create(stack, (assembly / f"{stack}.template.json").read_text())

    def _publish(self, assembly: Path, manifest: Mapping[str, Any]) -> None:
        s3 = self.client("s3")
        for file in manifest["files"].values():
            source = assembly / file["source"]["path"]
            content = _zip(source) if file["source"]["packaging"] == "zip" else source.read_bytes()
            for destination in file["destinations"].values():
                bucket = (
                    destination["bucketName"]
                    .replace("${AWS::AccountId}", ACCOUNT)
                    .replace("${AWS::Region}", REGION)
                )
                s3.create_bucket(Bucket=bucket)
                s3.put_object(Bucket=bucket, Key=destination["objectKey"], Body=content)

    def _create(self, stack: str, template: str) -> None:
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(
            StackName=stack, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"]
        )

        def finished() -> str | None:
            (answer,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
            status: str = answer["StackStatus"]
            return None if status.endswith("IN_PROGRESS") else status

        status = wait_for(finished, _DEPLOY_S)
        if status != "CREATE_COMPLETE":
            events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
            raise AssertionError(f"{stack}: {status}\n{json.dumps(events, indent=1, default=str)}")


@contextmanager
def running_emulator(folder: Path, environment: Mapping[str, str]) -> Iterator[Emulator]:
    """ministack until the block ends. Its functions inherit what `environment` adds."""
    port = free_port()
    home = folder / "ministack"
    home.mkdir()
    with _process(
        _ministack(),
        {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "TMPDIR": str(home),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "LOG_LEVEL": "INFO",
            "IOT_MTLS_ENABLED": "0",
            **environment,
        },
        folder / "ministack.log",
        f"http://127.0.0.1:{port}/_ministack/health",
    ):
        yield Emulator(f"http://127.0.0.1:{port}")


@contextmanager
def running_model(folder: Path) -> Iterator[str]:
    """The real model server until the block ends; gives its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with _process(
        [sys.executable, "-m", "models.serving", "--host", "127.0.0.1", "--port", str(port)],
        dict(os.environ),
        folder / "model.log",
        f"{url}/ping",
    ):
        yield url


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(attempt: Callable[[], T | None], seconds: float, pause: float = 0.1) -> T:
    """The first answer that is not None. Raises TimeoutError after so many seconds."""
    deadline = time.monotonic() + seconds
    while (answer := attempt()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing came of it within {seconds:.0f} s")
        time.sleep(pause)
    return answer


def _ministack() -> list[str]:
    """The copy that `make setup` installs, else one on PATH."""
    found = shutil.which("ministack", path=str(ROOT / ".tools" / "bin")) or shutil.which(
        "ministack"
    )
    if found is None:
        raise NotReadyError("ministack is not installed: run `make setup`")
    return [found]


@contextmanager
def _process(
    command: Sequence[str], environment: Mapping[str, str], log: Path, health: str
) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A group of its own, so that the functions' workers end with the emulator.
            start_new_session=True,
        )
    try:
        _await_health(process, health, log)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await_health(process: "subprocess.Popen[bytes]", health: str, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(health, timeout=1.0).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise NotReadyError(f"{health} never answered:\n{log.read_text()[-2_000:]}")


def _zip(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", strict_timestamps=False) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return content.getvalue()
