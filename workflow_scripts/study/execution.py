"""Block `execution` of a study: how jobs run."""

from pydantic import Field

from workflow_scripts.common.gpus import SHARED, WANTED
from workflow_scripts.common.settings import HUGE, MANY, MOST, Block, DeviceName, Precision
from workflow_scripts.models.settings import Compute, FailingModels


class Execution(Block):
    """How jobs run. Nothing here changes a result beyond rounding, so nothing here makes a job run again.

    The exception is `precision`: embeddings are computed anew when it changes. `failing_models` decides whether there
    is a result; a reason that stands in its place stays, too.
    """

    device: DeviceName = "auto"
    """Where networks run; `cuda` also asks the cluster for GPUs."""
    nodes: int = Field(1, ge=1, le=MANY)
    """Machines of one training; more than one needs Slurm."""
    ranks: int = Field(1, ge=1, le=MANY)
    """Processes of one training on each node: GPUs if device is `cuda`, else CPU processes."""
    gpus: int | None = Field(None, ge=0, le=MANY)
    """GPUs per node that a training asks the cluster for. The default is `ranks` if device is `cuda`, and else none."""
    jobs_per_gpu: int = Field(1, ge=1, le=12)
    """Jobs that share a GPU, each with its part of the memory. Without a cluster, a job waits until a GPU is free."""
    threads: int = Field(2, ge=1, le=MANY)
    """CPU threads of one rank, and of an embedding job."""
    workers: int = Field(2, ge=0, le=MANY)
    """Further processes or threads that decode images, per rank; 0 decodes in the rank itself."""
    failing_models: FailingModels = "stop"
    """Published models that cannot be fetched, built or held in memory: end the run with an error, or become a row
    with the reason in the tables of Lie derivatives, and a gap in the figures of invariance and equivariance."""
    embedding_batch: int = Field(256, ge=1, le=MOST)
    """Images per forward pass of an embedding sweep."""
    precision: Precision = "float32"
    """How embedding sweeps round: `tf32` is faster on GPUs, `bfloat16` and `float16` more so. docs/speed.md says what
    each does to invariance. The only key here that changes results, so sweeps run again when it changes."""
    channels_last: bool = False
    """Memory layout of convolutions in trainings and sweeps; faster on GPUs with mixed precision."""
    compile: bool = False
    """Compile the network before training."""
    checkpoint_minutes: float = Field(10.0, ge=0, le=HUGE)
    """Minutes between two checkpoints of a training."""
    warning_seconds: int = Field(120, ge=1, le=MOST)
    """So long before its time limit a training on a cluster is told to keep its state and end."""
    collective_timeout_minutes: float = Field(30.0, gt=0, le=HUGE)
    """A rank that the others wait for so long counts as hung: the training ends and is tried again."""
    images_per_second: float = Field(1000.0, gt=0, le=1e9)
    """Training images per second and device that the target `cost` assumes, where `calibrate` has measured none. On a
    CPU, only if the study names it."""
    training_hours: float = Field(24.0, gt=0, le=100_000)
    """Time limit of one training on a cluster; each further try gets as much again, as far as a partition allows."""

    @property
    def world(self) -> int:
        """Processes of one training on all nodes together."""
        return self.nodes * self.ranks

    @property
    def training_gpus(self) -> int:
        """GPUs that a training asks for, on all nodes together."""
        per_node = self.gpus if self.gpus is not None else self.ranks if self.device == "cuda" else 0
        return self.nodes * per_node

    @property
    def compute(self) -> Compute:
        """What a job that runs a network is told."""
        return Compute(
            device=self.device,
            batch=self.embedding_batch,
            workers=self.workers,
            channels_last=self.channels_last,
            failing=self.failing_models,
        )

    def leases(self, count: int = 1) -> dict[str, int]:
        """What a job is told that takes so many GPUs where there are any."""
        return {} if self.device == "cpu" else {WANTED: count, SHARED: self.jobs_per_gpu}

    @property
    def rounding(self) -> dict[str, Precision]:
        """What an embedding sweep is told of its precision: nothing where it is full."""
        return {} if self.precision == "float32" else {"precision": self.precision}
