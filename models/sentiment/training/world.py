"""The processes that train together: one, or those that torchrun has started."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

Read = TypeVar("Read")


class DeviceError(Exception):
    """The device that the settings ask for is not there."""


@dataclass(frozen=True, slots=True)
class World:
    """This process's number, how many there are, and what it computes on."""

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the one process that logs, saves and exports."""
        return self.rank == 0

    def total(self, values: Tensor) -> list[float]:
        """Return the sums of `values` over all processes, the same in each of them."""
        if self.size > 1:
            distributed.all_reduce(values)
        return [float(value) for value in values.tolist()]

    def from_first(self, read: Callable[[], Read]) -> Read:
        """Let the first process read something and return it in all of them.

        Raises:
            Exception: what `read` raises, in all of them.
        """
        if self.size == 1:
            return read()
        box: list[Any] = [None, None]
        if self.first:
            try:
                box[0] = read()
            except Exception as error:  # noqa: BLE001 - it is raised again in every process
                box[1] = error
        distributed.broadcast_object_list(box, src=0, device=self.device)
        if box[1] is not None:
            raise box[1]
        result: Read = box[0]
        return result


def is_first() -> bool:
    """Whether this process is alone, or torchrun's first."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def joined(device: str) -> Iterator[World]:
    """Join the processes that torchrun has started, if it has, and leave them at the end.

    Args:
        device: auto, cpu or cuda; with cuda, each process of a machine takes its own GPU.

    Raises:
        DeviceError: there is no such device, or not one for each process.
    """
    chosen = _device(device)
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World(0, 1, chosen)
        return
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield World(distributed.get_rank(), size, chosen)
    finally:
        distributed.destroy_process_group()


def _device(name: str) -> torch.device:
    if name not in ("auto", "cpu", "cuda"):
        raise DeviceError(f"device {name!r} is none of auto, cpu and cuda")
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    index = int(os.environ.get("LOCAL_RANK", "0"))
    if index >= torch.cuda.device_count():
        raise DeviceError(f"process {index} of this machine finds no GPU of its own")
    torch.cuda.set_device(index)
    return torch.device("cuda", index)
