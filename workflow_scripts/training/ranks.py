"""The processes of one training: one per GPU, or several on the CPU, started by torch's launcher."""

import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from workflow_scripts.common.device import choose_device
from workflow_scripts.common.ending import die_with
from workflow_scripts.common.environment import launched
from workflow_scripts.common.errors import EndedError, InputError, reason
from workflow_scripts.common.settings import DeviceName

# The launcher ends all ranks as soon as one has failed; what all of them have to say, rank 0 says first.
SECONDS_FOR_RANK_0 = 10
# The others notice the end of a rank before the launcher does, and leave the word to that rank.
SECONDS_FOR_THE_FIRST = 3
# Ranks start together, so one that is so late will not come.
MEETING = timedelta(minutes=5)
# Words of Gloo where a rank no longer answers.
LOST = ("Connection closed by peer", "Connection reset by peer", "Timed out waiting", "Broken pipe", "gloo/transport")


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
def join(
    device: DeviceName, timeout: timedelta, expected: int | None = None, deterministic: bool = True
) -> Iterator[Ranks]:
    """Take this process's place among the ranks and make torch reproducible: to the bit, if `deterministic`.

    Reads the environment that torch's launcher sets for the processes that it starts; for any other there is one rank
    and no process group, whatever the environment says. A rank that lets the others wait for longer than `timeout` ends
    them all; while rank 0 writes checkpoints and outputs, they wait for it. Raises `InputError` where the wished device
    is absent, and for another number of ranks than `expected`; `EndedError` where another rank has ended.
    """
    rank, world = (int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])) if launched() else (0, 1)
    try:
        if expected not in (None, world):
            raise InputError(f"{world} ranks were started for a training of {expected}; start it by its rule")
        place = own_device(device)
        logging.info("rank %d of %d on %s: %s", rank, world, place, surroundings())
        _set_threads()
        choose_algorithms(place, deterministic)
        if world > 1:
            _meet(place, timeout)
        yield Ranks(rank=rank, world=world, device=place)
        if world > 1:
            distributed.destroy_process_group()
    except InputError:
        if rank > 0:
            time.sleep(SECONDS_FOR_RANK_0)
        raise
    except RuntimeError as error:
        if not lost_a_rank(error, world):
            raise
        time.sleep(SECONDS_FOR_THE_FIRST)
        raise EndedError(
            f"rank {rank}: another rank has ended or cannot be reached ({reason(error)}); "
            "the training continues from its checkpoint when it is run again"
        ) from error


def lost_a_rank(error: RuntimeError, world: int) -> bool:
    """Whether an error says that a rank no longer answers the others."""
    known = isinstance(error, distributed.DistError) or any(word in str(error) for word in LOST)
    return world > 1 and known


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


def neighbours() -> int:
    """Ranks of this training on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if launched() else 1


def surroundings() -> str:
    """Where this process runs, for logs: host, process, and what Slurm gave it."""
    names = ("SLURM_JOB_ID", "SLURMD_NODENAME", "CUDA_VISIBLE_DEVICES")
    job, node, gpus = (os.environ.get(name, "none") for name in names)
    return f"host {socket.gethostname()}, process {os.getpid()}, Slurm job {job}, node {node}, GPUs {gpus}"


def _meet(device: torch.device, timeout: timedelta) -> None:
    # Ranks outlive a launcher that is killed outright, and would finish behind the back of a new start.
    die_with(os.getppid())
    # To come together takes seconds, or fails; what the ranks do later may take long.
    store, rank, world = next(distributed.rendezvous("env://", timeout=min(timeout, MEETING)))
    store.set(f"rank {rank} came", "")
    store.wait([f"rank {number} came" for number in range(world)], min(timeout, MEETING))
    about: dict[str, Any] = {"store": store, "rank": rank, "world_size": world, "timeout": timeout}
    if device.type == "cuda":
        torch.cuda.set_device(device)
        distributed.init_process_group("nccl", device_id=device, **about)
    else:
        distributed.init_process_group("gloo", **about)


def _set_threads() -> None:
    """Use as many threads as OMP_NUM_THREADS says, or the cores that this process may use.

    The launcher of several ranks sets it to 1 where the user has not set it. Set here too because MKL has a
    variable of its own, to which Snakemake gives all threads of a rule: every rank would start that many, and
    the last digits would change with the cores of the machine and the number of ranks.
    """
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", len(os.sched_getaffinity(0)))))


def choose_algorithms(device: torch.device, deterministic: bool) -> None:
    """Let torch use deterministic algorithms only, or on a GPU whichever it finds to be the fastest."""
    exact = deterministic or device.type == "cpu"
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # what cuBLAS asks for determinism
    torch.use_deterministic_algorithms(exact, warn_only=True)
    # Filling is slow, and nothing of ours reads memory that it has not written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = not exact
