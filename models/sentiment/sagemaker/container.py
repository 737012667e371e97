"""What SageMaker lays out inside a training container, as a command line of the train command.

Layout: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html.
The SM_ variables are those of AWS's own containers; where they are set they win.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path("/opt/ml")
CHECKPOINTS = ROOT / "checkpoints"
PROCESSING = ROOT / "processing"
PROCESSING_MODEL = PROCESSING / "model"
PROCESSING_DATA = PROCESSING / "data"
PROCESSING_JUDGEMENT = PROCESSING / "judgement"

TRAINING_CHANNEL = "training"
START_CHANNEL = "start"
"""Where there is such a channel, the run continues from the checkpoint or artefact in it."""

_FLAGS = ("commercial",)
_PORT = "29500"


def train_command(root: Path, environment: Mapping[str, str]) -> list[str]:
    """Return the command that this machine of a training job has to run: torchrun, with one process
    for each GPU, or one where there is none.

    Args:
        root: /opt/ml.
        environment: of the container.
    """
    config = root / "input/config"
    hosts, host = _hosts(_read(config / "resourceconfig.json"), environment)
    together = ["--standalone", "--nnodes=1"]
    if len(hosts) > 1:
        together = [
            f"--nnodes={len(hosts)}",
            f"--node-rank={hosts.index(host)}",
            f"--master-addr={hosts[0]}",
            f"--master-port={_PORT}",
        ]
    channel = Path(environment.get("SM_CHANNEL_TRAINING", root / "input/data" / TRAINING_CHANNEL))
    start = root / "input/data" / START_CHANNEL
    return [
        *(sys.executable, "-m", "torch.distributed.run"),
        *together,
        f"--nproc-per-node={_processes(environment)}",
        *("-m", "models.sentiment", "train"),
        *("--data", str(channel)),
        *("--work", str(root / "checkpoints")),
        *("--artifact", environment.get("SM_MODEL_DIR", str(root / "model"))),
        *(["--start", str(_start(start))] if start.is_dir() else []),
        *_options(_read(config / "hyperparameters.json")),
    ]


def network_environment(root: Path) -> dict[str, str]:
    """Return what tells PyTorch which network interface the machines of the job share."""
    name = _read(root / "input/config/resourceconfig.json").get("network_interface_name")
    return {"NCCL_SOCKET_IFNAME": name, "GLOO_SOCKET_IFNAME": name} if name else {}


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _hosts(resources: dict[str, Any], environment: Mapping[str, str]) -> tuple[list[str], str]:
    hosts = json.loads(environment.get("SM_HOSTS", json.dumps(resources.get("hosts", ["algo-1"]))))
    return sorted(hosts), environment.get(
        "SM_CURRENT_HOST", resources.get("current_host", hosts[0])
    )


def _processes(environment: Mapping[str, str]) -> int:
    if "SM_NUM_GPUS" in environment:
        return max(1, int(environment["SM_NUM_GPUS"]))
    return max(1, len(list(Path("/dev").glob("nvidia[0-9]*"))))


def _start(folder: Path) -> Path:
    checkpoints = sorted(folder.glob("*.pt"))
    return checkpoints[0] if checkpoints else folder


def _options(hyperparameters: dict[str, Any]) -> list[str]:
    options = []
    for name, value in sorted(hyperparameters.items()):
        if name not in _FLAGS:
            options += [f"--{name}", str(value)]
        elif str(value).lower() == "true":
            options.append(f"--{name}")
    return options
