"""The Beta laws of a crop's area (GIB section 2, appendix A): densities, moments and samples, without torch.

`augmentations.area_fraction` draws from the same law one image at a time; it stands there and not here so
that a change of this module trains nothing again.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import integrate

from workflow_scripts.common.errors import InputError

SMALLEST_AREA = 0.08
WIDTH = 1 - SMALLEST_AREA


@dataclass(frozen=True)
class AreaLaw:
    """sigma^2 = 0.08 + 0.92 B with B ~ Beta(1, beta): the share of the image's area that a crop takes.

    1 / sigma^2 is the factor by which the crop enlarges areas. Raises `InputError` where `beta` is not
    a positive number.
    """

    beta: float

    def __post_init__(self) -> None:
        if not 0 < self.beta < math.inf:
            raise InputError(f"betas: {self.beta} is not the parameter of a Beta law; give numbers above 0")

    def density(self, area: np.ndarray) -> np.ndarray:
        """Density of sigma^2 at `area` (any shape); infinite at 1 for beta < 1, zero outside 0.08 to 1."""
        drawn = (area - SMALLEST_AREA) / WIDTH
        with np.errstate(divide="ignore"):
            inside = self.beta * np.maximum(1 - drawn, 0) ** (self.beta - 1) / WIDTH
        return np.where((drawn >= 0) & (drawn <= 1), inside, 0.0)

    def zoom_density(self, zoom: np.ndarray) -> np.ndarray:
        """Density of 1 / sigma^2 at `zoom` (any shape, above 0); zero outside 1 to 12.5."""
        return self.density(1 / zoom) / np.square(zoom)

    def expectation(self, function: Callable[[float], float]) -> float:
        """E[function(sigma^2)] by numerical integration; `function` must be smooth on [0.08, 1]."""
        # The density has an algebraic singularity at 1 for beta < 1, which is a weight that QUADPACK knows.
        value, _error = integrate.quad(
            lambda drawn: self.beta * function(SMALLEST_AREA + WIDTH * drawn),
            0,
            1,
            weight="alg",
            wvar=(0, self.beta - 1),
            epsabs=1e-10,
            epsrel=1e-10,
        )
        return value

    def mean_area(self) -> float:
        """E[sigma^2], in closed form."""
        return SMALLEST_AREA + WIDTH / (1 + self.beta)

    def zoom_variance(self) -> float:
        """Var[1 / sigma^2], by numerical integration."""
        mean = self.expectation(lambda area: 1 / area)
        # About the mean: the difference of two moments would lose digits.
        return self.expectation(lambda area: (1 / area - mean) ** 2)

    def sample(self, draws: int, generator: np.random.Generator) -> np.ndarray:
        """Draw sigma^2, float64 [draws]."""
        return SMALLEST_AREA + WIDTH * generator.beta(1, self.beta, size=draws)
