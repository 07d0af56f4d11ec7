"""How a network is optimised: the block `training.recipe` of a study."""

from typing import Annotated, Any, Literal

from pydantic import Field

from workflow_scripts.common.settings import HUGE, MANY, MOST, Block

# Up to the largest float32: a rate at which a training diverges is a point of a grid as any other.
Rate = Annotated[float, Field(gt=0, le=1e38)]
Decay = Annotated[float, Field(ge=0, le=HUGE)]
Share = Annotated[float, Field(ge=0, lt=1)]

Optimizer = Literal["sgd", "nesterov", "adam", "adamw", "nadamw", "lamb", "lion"]
SGD = ("sgd", "nesterov")
# Keys of GIB's recipe, of which a training is always told.
GIB = (
    "epochs",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "momentum",
    "step_epochs",
    "step_factor",
    "batch_norm",
    "amp",
)


class Recipe(Block):
    """How a network is optimised. The default is stochastic gradient descent with a step schedule (GIB section 2)."""

    epochs: int = Field(150, ge=1, le=MANY)
    """Passes over the training images."""
    batch_size: int = Field(256, ge=2, le=MOST)
    """Images per step over all ranks together."""
    optimizer: Optimizer = "sgd"
    """Optimiser, as timm makes it; `sgd` has plain momentum, `nesterov` Nesterov's."""
    learning_rate: Rate = Field(0.1)
    """Initial learning rate, after the warm-up, unless a grid chooses it."""
    weight_decay: float = Field(1e-4, ge=0, le=HUGE)
    """Weight decay, unless a grid chooses it."""
    decayed: Literal["all", "weights"] = "all"
    """What decays: all parameters, as in the papers, or only the weights of layers, as in timm's own recipes, without
    biases, parameters of normalisations, and what the architecture exempts, as position embeddings."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """Momentum of `sgd` and `nesterov`."""
    betas: tuple[Share, Share] | None = None
    """Decay rates of the averages of Adam and its kin. The default is the optimiser's own."""
    clip_norm: float | None = Field(None, gt=0, le=HUGE)
    """Longest gradient, as the norm over all parameters; a longer one is shortened to it. `null` clips none."""
    schedule: Literal["step", "cosine", "linear"] = "step"
    """How the learning rate falls, by timm's schedulers: in steps, along half a cosine, or along a line."""
    schedule_per: Literal["epoch", "step"] = "epoch"
    """Whether the learning rate changes with every epoch, or with every step."""
    step_epochs: int = Field(30, ge=1, le=MOST)
    """Epochs between two reductions of the learning rate by the schedule `step`."""
    step_factor: float = Field(0.1, gt=0, le=1)
    """Factor of each reduction."""
    minimum_learning_rate: float = Field(0.0, ge=0, le=HUGE)
    """Where the schedules `cosine` and `linear` end."""
    warmup_epochs: int = Field(0, ge=0, le=MANY)
    """Epochs, the first of all, over which the learning rate rises by equal steps."""
    warmup_learning_rate: float = Field(1e-6, ge=0, le=HUGE)
    """Where the warm-up starts."""
    label_smoothing: Share = 0.0
    """Share of the label that is spread evenly over all classes."""
    mixup: float = Field(0.0, ge=0, le=HUGE)
    """Parameter of the Beta law by which two images and their labels are mixed; 0 mixes none. Each rank mixes its own
    images, so results depend on the number of ranks."""
    cutmix: float = Field(0.0, ge=0, le=HUGE)
    """Parameter of the Beta law of the area of another image that is pasted; 0 pastes none."""
    mix_probability: float = Field(1.0, gt=0, le=1)
    """Probability with which a batch is mixed at all."""
    cutmix_share: float = Field(0.5, ge=0, le=1)
    """Share of the mixed batches that get `cutmix`, where both are asked for."""
    ema_decay: Share | None = None
    """Decay of a running average of the weights, which is then the network that is validated, written and measured in
    place of the last one; `null` keeps none."""
    ema_warmup: bool = False
    """Whether the decay of the average grows from 0 to `ema_decay` over the training."""
    batch_norm: Literal["local", "synchronised"] = "local"
    """Statistics per rank, as in the papers, or over the whole global batch."""
    amp: Literal["none", "tf32", "bfloat16", "float16"] = "none"
    """Precision of products in trainings: full with `none`; `tf32` keeps single precision, and lets a GPU round factors
    to 11 bits (no effect on a CPU); `bfloat16` and `float16` are mixed precision. Sweeps of the trained network round
    as `execution.precision` says."""
    deterministic: bool = True
    """Use only algorithms that give the same digits in every run. `false` lets a GPU choose the fastest ones, so that a
    repetition agrees to rounding; docs/speed.md says what that saves. The CPU is deterministic in any case."""

    @property
    def mixes(self) -> bool:
        """Whether images are mixed with others."""
        return self.mixup > 0 or self.cutmix > 0

    @property
    def needs_its_ranks(self) -> bool:
        """Whether the result depends on the number of ranks beyond rounding."""
        return self.batch_norm == "local" or self.mixes

    def within(self, other: "Recipe") -> "Recipe":
        """The recipe with what it does not say taken from `other`."""
        given = other.model_dump(exclude_unset=True) | self.model_dump(exclude_unset=True)
        return Recipe.model_validate(given)

    def check(self) -> None:
        """Raise `ValueError` where two keys contradict each other, or one would have no effect."""
        if self.warmup_epochs and self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"warmup_epochs: {self.warmup_epochs} of {self.epochs} epochs; leave at least one after it"
            )
        if self.mixes and self.batch_size % 2:
            raise ValueError(f"batch_size: {self.batch_size} images cannot be mixed in pairs; give an even number")
        if self.betas and self.optimizer in SGD:
            raise ValueError(f"betas: {self.optimizer!r} has none; leave them out, or choose another optimizer")
        if self.minimum_learning_rate and self.schedule == "step":
            raise ValueError("minimum_learning_rate: the schedule 'step' has none; choose 'cosine' or 'linear'")
        if self.ema_warmup and self.ema_decay is None:
            raise ValueError("ema_warmup: there is no average without ema_decay; give it, or leave ema_warmup out")

    def settings(self) -> dict[str, Any]:
        """What a training is told: the keys of GIB's recipe, and any other whose value is not its default."""
        values = self.model_dump(mode="json")
        defaults = Recipe().model_dump(mode="json")
        return {key: value for key, value in values.items() if key in GIB or value != defaults[key]}

    @property
    def plain(self) -> bool:
        """Whether labels are as they are and no average is kept, as where bounds are learned."""
        return not self.mixes and not self.label_smoothing and self.ema_decay is None
