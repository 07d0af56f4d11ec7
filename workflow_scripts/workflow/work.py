"""What a job has to do, in amounts from which its time and its disk follow, and at which rates a machine does that.

A step says beside its declaration how much its jobs do (`Step.work`). What an amount takes is measured by the target
`calibrate`, else stated here. Nothing here imports torch.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import BaseModel

from workflow_scripts.data.sizes import Sizes


class Operation(NamedTuple):
    """Something that processors do, as far as a machine's speed is concerned."""

    unit: str
    """Of what a rate is the seconds."""
    stated: float
    """Seconds of one thread, where nobody has measured: of the two cores on which docs/speed.md was measured."""


OPERATIONS: dict[str, Operation] = {
    "start": Operation("process without torch", 2.0),
    "start_network": Operation("process with torch", 6.0),
    "decode": Operation("megapixel decoded and cut", 0.025),
    "encode": Operation("megapixel encoded", 0.03),
    "generate": Operation("megapixel of generated images", 3.0),
    "find": Operation("megapixel in which a foreground is found", 1.5),
    "warp": Operation("megapixel transformed", 0.03),
    "compare": Operation("million numbers of embeddings compared", 0.05),
    "rows": Operation("million rows of a table", 1.5),
    "write": Operation("megabyte written", 0.004),
    "draw": Operation("figure or table", 2.0),
    "report": Operation("page", 15.0),
}
FORWARD, LEARN = "forward", "learn"
# Operations per second of a thread and of a GPU, in forward passes and in steps of a training.
STATED_FLOPS = {
    (FORWARD, "cpu"): 2.5e10,
    (LEARN, "cpu"): 2.5e10,
    (FORWARD, "cuda"): 1.5e13,
    (LEARN, "cuda"): 4e13,
}
# A step of a training goes forward and twice as far back.
PASSES_OF_A_STEP = 3
# Of a network that nobody has looked at: ResNet-18 at 224 pixels.
USUAL_FLOPS, USUAL_PARAMETERS, USUAL_EMBEDDING, USUAL_SIDE = 3.6e9, 11_700_000, 512, 224
FLOAT = 4


class Effort(BaseModel):
    """What a network takes."""

    flops: float
    """Additions and multiplications of one image's forward pass."""
    parameters: int
    """Numbers that it learns."""
    embedding: int
    """Numbers of an embedding."""
    crop: int
    """Side of its input, in pixels."""

    @classmethod
    def usual(cls, crop: int) -> "Effort":
        """That of a network which nobody has looked at, for images of this side."""
        share = (crop / USUAL_SIDE) ** 2
        return cls(flops=USUAL_FLOPS * share, parameters=USUAL_PARAMETERS, embedding=USUAL_EMBEDDING, crop=crop)

    @property
    def megapixels(self) -> float:
        """Of its input."""
        return self.crop**2 / 1e6


@dataclass(frozen=True)
class Extent:
    """What amounts follow from: the images, and the networks by the keys of `networks` in `steps/networks.py`."""

    sizes: Sizes
    efforts: Mapping[str, Effort]
    crop: int
    """Side of what networks of this study see, where a network is not known."""
    further: Mapping[str, Sizes] = field(default_factory=dict)
    """Images that are only trained on, by the name of their data set."""

    def images(self, of: str | None) -> Sizes:
        """Those of a data set that is only trained on, or those that everything is measured on."""
        return self.further[of] if of else self.sizes

    def effort(self, network: str) -> Effort:
        """That of a network."""
        return self.efforts.get(network) or Effort.usual(self.crop)


@dataclass(frozen=True)
class Work:
    """What one job does."""

    amounts: Mapping[str, float] = field(default_factory=dict)
    """How much of each of `OPERATIONS`, spread over `threads`."""
    forward: Mapping[str, float] = field(default_factory=dict)
    """Forward passes of one image, by network."""
    learn: Mapping[str, float] = field(default_factory=dict)
    """Images that are learnt from, by network."""
    threads: int = 1
    """Threads or processes among which the amounts are divided."""
    cores: int = 1
    """Cores that the job holds."""
    devices: int = 0
    """Devices that its network runs on; where these are GPUs, it holds so many."""
    beside: bool = False
    """Whether the amounts are done beside the network, by other processes."""
    written: float = 0.0
    """Bytes that stay."""
    temporary: float = 0.0
    """Bytes that are there only while it runs."""


Estimate = Callable[[Any, Extent], Work]


def light(_wildcards: Any, _extent: Extent) -> Work:
    """That of a job which mostly starts and ends."""
    return Work(amounts={"rows": 0.1})


class Rates(BaseModel):
    """How fast a machine is."""

    machine: str
    """Its name; empty where the rates are stated."""
    processor: str = ""
    device: str = "cpu"
    """Where networks ran: `cpu` or `cuda`."""
    threads: int = 1
    """Threads of a network on the CPU."""
    seconds: dict[str, float]
    """Per unit of each of `OPERATIONS`."""
    forward: dict[str, float] = {}
    """Seconds of a forward pass per image, by network."""
    learn: dict[str, float] = {}
    """Seconds of a training per image, by network."""
    flops: dict[str, float]
    """Operations per second of networks that were not measured, in `forward` and in `learn`."""
    efforts: dict[str, Effort] = {}
    """What the networks take."""

    @classmethod
    def stated(cls, device: str, threads: int) -> "Rates":
        """Rates that nobody has measured on this machine."""
        many = threads if device == "cpu" else 1
        return cls(
            machine="",
            device=device,
            threads=threads,
            seconds={name: operation.stated for name, operation in OPERATIONS.items()},
            flops={kind: many * STATED_FLOPS[kind, device] for kind in (FORWARD, LEARN)},
        )

    def of_network(self, kind: str, network: str, effort: Effort) -> float:
        """Seconds per image of a network, in forward passes or in a training."""
        known = self.forward if kind == FORWARD else self.learn
        if network in known:
            return known[network]
        passes = PASSES_OF_A_STEP if kind == LEARN else 1
        return passes * effort.flops / self.flops[kind]


def seconds_of(work: Work, rates: Rates, extent: Extent) -> float:
    """How long a job takes, with the cores that it asks for."""
    runs_network = bool(work.forward or work.learn)
    start = rates.seconds["start_network" if runs_network else "start"]
    host = sum(amount * rates.seconds[name] for name, amount in work.amounts.items()) / max(1, work.threads)
    host += work.written / 1e6 * rates.seconds["write"]
    device = sum(
        count * rates.of_network(kind, network, extent.effort(network))
        for kind, counts in ((FORWARD, work.forward), (LEARN, work.learn))
        for network, count in counts.items()
    ) / max(1, work.devices)
    return start + (max(host, device) if work.beside else host + device)


def distinct(drawn: float, among: float) -> float:
    """How many different ones so many draws out of so many find, on average."""
    return 0.0 if among <= 0 else among * -math.expm1(drawn * math.log1p(-1 / among)) if among > 1 else among
