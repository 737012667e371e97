"""What `up` promises to whoever types it, on the real stack."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from functions._runner import clients
from functions._runner.assembly import load_assembly
from tests.integration.crash.stack import Stack, running
from tests.integration.runner.conftest import wait_for

DEMO_INTERACTIONS = 100
INTERACTIONS_TABLE = "customerai-local-interactions"

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(sys.platform != "linux", reason="reads the processes from /proc"),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("platform"), tenant="visitor", demo=True) as stack:
        yield stack


@pytest.fixture
def platform(stack: Stack) -> Stack:
    """It runs, whichever test came before, and has nothing left to do."""
    if not stack.is_running():
        stack.start()
    log = stack.settings.logs / "demo.log"
    wait_for(lambda: log.exists() and "loaded" in log.read_text(), 60)
    wait_for(lambda: all(item["sentiment"] for item in demo_items(stack)), 60)
    return stack


def token(stack: Stack) -> str:
    found = re.search(r"^export TOKEN=(\S+)$", stack.printed(), re.MULTILINE)
    assert found is not None, stack.printed()
    return found[1]


def demo_items(stack: Stack) -> list[Any]:
    """All interactions that the loading brought; requests to copy are of another customer."""
    bearer = {"Authorization": f"Bearer {token(stack)}"}
    items: list[Any] = []
    path = "/v1/interactions?limit=100"
    while True:
        page = stack.get(path, headers=bearer)
        items += [item for item in page["items"] if item["customer_id"] != "cust-1"]
        if page["next"] is None:
            return items
        path = f"/v1/interactions?limit=100&cursor={page['next']}"


def post(stack: Stack, text: str, occurred_at: str) -> str:
    """The id of a stored interaction."""
    body = {"customer_id": "c", "channel": "chat", "text": text, "occurred_at": occurred_at}
    response = stack.post("/v1/interactions", occurred_at, body)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def counted(stack: Stack, day: str) -> tuple[int, int]:
    """How many interactions of a day there are, and how many of them wait for their analysis."""
    summary = stack.summary(f"from={day}T00:00:00Z&to={day}T23:00:00Z")
    return summary["total"], summary["sentiment"]["pending"]


def kept_images(stack: Stack) -> list[Any]:
    """The new images of the dead records; none while the emulator is away."""
    buckets = clients.buckets(stack.settings)
    (bucket,) = load_assembly(stack.settings).resources("AWS::S3::Bucket")
    images = []
    try:
        for kept in buckets.list_objects_v2(Bucket=bucket.name).get("Contents", []):
            body = buckets.get_object(Bucket=bucket.name, Key=kept["Key"])["Body"]
            images.append(json.load(body)["dynamodb"]["NewImage"])
    except (BotoCoreError, ClientError):
        return []
    return images


def test_the_demo_is_loaded_and_analysed(platform: Stack) -> None:
    assert (platform.settings.logs / "demo.log").read_text().count("loaded") == 1
    items = demo_items(platform)
    assert len({item["id"] for item in items}) == len(items) == DEMO_INTERACTIONS
    assert {item["sentiment"]["label"] for item in items} == {"negative", "neutral", "positive"}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_printed_requests_work_as_they_are(platform: Stack) -> None:
    lines = platform.printed().splitlines()
    (export,) = (line for line in lines if line.startswith("export TOKEN="))
    answers = []
    for curl in (line for line in lines if line.startswith("curl ")):
        done = subprocess.run(
            ["bash", "-c", f"{export}\n{curl}"],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answers.append(json.loads(done.stdout))
    stored, listed, summary = answers
    assert stored["customer_id"] == "cust-1"
    assert len(listed["items"]) == 5
    assert stored["id"] in {item["id"] for item in listed["items"]}
    assert summary["total"] >= DEMO_INTERACTIONS


def test_what_is_posted_soon_counts_as_analysed(platform: Stack) -> None:
    day = "2025-05-05"
    post(platform, "Fast delivery, I love it.", f"{day}T12:00:00Z")
    wait_for(lambda: counted(platform, day) == (1, 0), 10)


def test_nothing_is_lost_while_the_model_does_not_answer(platform: Stack) -> None:
    day = "2025-06-06"
    log = platform.settings.logs / "analysis_queue.log"
    (model,) = platform.find("models.serving")
    os.kill(model, signal.SIGKILL)
    (fresh,) = platform.find("models.serving", besides=model)
    os.kill(fresh, signal.SIGSTOP)  # it is there, and answers nothing
    try:
        before = log.stat().st_size
        ids = [post(platform, "It broke.", f"{day}T12:00:{second:02}Z") for second in range(3)]
        wait_for(lambda: counted(platform, day) == (3, 3), 20)
        wait_for(lambda: log.stat().st_size > before, 50)  # it was tried
        for each in ids:
            assert platform.get(f"/v1/interactions/{each}")["sentiment"] is None
        now = platform.post("/v1/sentiment", "now", {"text": "It broke."})
        assert now.status_code == 200, now.text
        assert now.json()["tier"] == "static"
        assert counted(platform, day) == (3, 3)
    finally:
        os.kill(fresh, signal.SIGCONT)
    # They come again from the queue, or with the sweep of every minute.
    wait_for(lambda: counted(platform, day) == (3, 0), 90)
    for each in ids:
        assert platform.get(f"/v1/interactions/{each}")["sentiment"]["label"] == "negative"


def test_an_unreadable_record_is_put_aside_for_good(platform: Stack) -> None:
    item: dict[str, Any] = {"pk": {"S": "nobody#0"}, "id": {"S": "unreadable"}, "of": {"S": "?"}}
    clients.database(platform.settings).put_item(TableName=INTERACTIONS_TABLE, Item=item)
    post(platform, "It works.", "2025-07-07T12:00:00Z")
    wait_for(lambda: counted(platform, "2025-07-07") == (1, 0), 10)  # what comes after it counts
    assert kept_images(platform).count(item) == 1
    platform.kill("ministack", random.Random(0))
    wait_for(lambda: kept_images(platform).count(item) == 1, 20)
    # The emulator went on with what it kept, and what it lost is made again.
    post(platform, "It works.", "2025-07-08T12:00:00Z")
    wait_for(lambda: counted(platform, "2025-07-08") == (1, 0), 90)


def test_a_cache_that_dies_is_no_matter(platform: Stack) -> None:
    day = "2025-08-08"
    (server,) = platform.find("redis-server")
    ids = []
    for second in range(20):
        if second == 5:
            os.kill(server, signal.SIGKILL)
        ids.append(post(platform, "It works.", f"{day}T12:00:{second:02}Z"))
        assert platform.get(f"/v1/interactions/{ids[-1]}")["id"] == ids[-1]
    wait_for(lambda: counted(platform, day) == (20, 0), 20)
    platform.find("redis-server", besides=server)


def test_ctrl_c_stops_everything(platform: Stack) -> None:
    processes = platform.processes()
    assert len(processes) > 6
    assert platform.stop(signal.SIGINT) == 0
    wait_for(lambda: not running(processes), 5)
    assert platform.printed().endswith("Stopping …\n")
