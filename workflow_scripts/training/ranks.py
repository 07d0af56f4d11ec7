"""The processes of one training: one per GPU, or several on the CPU, started by torch's launcher."""

import ctypes
import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed

from workflow_scripts.common.device import choose_device
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.settings import DeviceName

PR_SET_PDEATHSIG = 1  # of Linux's prctl
# The launcher ends all ranks as soon as one has failed; what all of them have to say, rank 0 says first.
SECONDS_FOR_RANK_0 = 20


@dataclass(frozen=True)
class Ranks:
    """One process (`rank`) among the `world` processes of a training, and its device."""

    rank: int
    world: int
    device: torch.device

    @property
    def main(self) -> bool:
        """Whether it is the one that writes the files and speaks for all."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """The part of `count` things that is this rank's; the parts differ by one at most."""
        return slice(self.rank * count // self.world, (self.rank + 1) * count // self.world)

    def add_up(self, tensor: torch.Tensor) -> torch.Tensor:
        """Replace `tensor` by its sum over the ranks, in place."""
        if self.world > 1:
            distributed.all_reduce(tensor)
        return tensor

    def meet(self) -> None:
        """Wait until every rank has come here."""
        if self.world > 1:
            self.add_up(torch.zeros(1, device=self.device)).tolist()

    def follow_main(self, tensors: Iterator[torch.Tensor]) -> None:
        """Replace each of `tensors` by that of rank 0, in place."""
        if self.world > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, 0)


@contextmanager
def join(device: DeviceName, timeout: timedelta, expected: int | None = None) -> Iterator[Ranks]:
    """Take this process's place among the ranks and make torch reproducible.

    Reads the environment that `torch.distributed.run` sets; without it there is one rank and no
    process group. A rank that lets the others wait for longer than `timeout` ends them all; while rank 0
    writes checkpoints and outputs, they wait for it. Raises `InputError` where the wished device is absent, and for
    another number of ranks than `expected`.
    """
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    try:
        if expected not in (None, world):
            raise InputError(f"{world} ranks were started for a training of {expected}; start it by its rule")
        place = own_device(device)
        logging.info("rank %d of %d on %s: %s", rank, world, place, surroundings())
        _set_threads()
        _be_reproducible()
        if world > 1:
            _meet(place, timeout)
        yield Ranks(rank=rank, world=world, device=place)
        if world > 1:
            distributed.destroy_process_group()
    except InputError:
        if rank > 0:
            time.sleep(SECONDS_FOR_RANK_0)
        raise


def own_device(device: DeviceName) -> torch.device:
    """The device of this rank alone; raises `InputError` where it is absent."""
    chosen = choose_device(device)
    if chosen.type == "cpu":
        return chosen
    gpus, local_rank = torch.cuda.device_count(), int(os.environ.get("LOCAL_RANK", "0"))
    if local_rank >= gpus:
        local_world = os.environ.get("LOCAL_WORLD_SIZE", "1")
        raise InputError(f"{local_world} ranks need a GPU each, but PyTorch finds {gpus}; start fewer ranks")
    return torch.device("cuda", local_rank)


def surroundings() -> str:
    """Where this process runs, for logs: host, process, and what Slurm gave it."""
    names = ("SLURM_JOB_ID", "SLURMD_NODENAME", "CUDA_VISIBLE_DEVICES")
    job, node, gpus = (os.environ.get(name, "none") for name in names)
    return f"host {socket.gethostname()}, process {os.getpid()}, Slurm job {job}, node {node}, GPUs {gpus}"


def _meet(device: torch.device, timeout: timedelta) -> None:
    # Ranks outlive a launcher that is killed outright, and would finish behind the back of a new start.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if device.type == "cuda":
        torch.cuda.set_device(device)
        distributed.init_process_group("nccl", timeout=timeout, device_id=device)
    else:
        distributed.init_process_group("gloo", timeout=timeout)


def _set_threads() -> None:
    """Use as many threads as OMP_NUM_THREADS says, or the cores that this process may use.

    The launcher of several ranks sets it to 1 where the user has not set it. Set here too because MKL has a
    variable of its own, to which Snakemake gives all threads of a rule: every rank would start that many, and
    the last digits would change with the cores of the machine and the number of ranks.
    """
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", len(os.sched_getaffinity(0)))))


def _be_reproducible() -> None:
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS asks for determinism
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling is slow, and nothing of ours reads memory that it has not written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
