"""A saliency without weights: what does not belong to the smooth background that the frame's margin shows.

That the margin is mostly background is the boundary prior of Wei et al., "Geodesic saliency using
background priors" (ECCV 2012). The background is a surface of low order in the position, per colour
channel, with Gaussian residuals like those in the margin; whatever else is in the image has any colour with
equal probability, which is the noise component of Banfield and Raftery (Biometrics 49, 1993). Surface,
covariance and each pixel's membership are found by expectation maximisation. It starts from a plane through
the margin without its farthest quarter, found by the concentration steps of Rousseeuw and Van Driessen
(Technometrics 41, 1999), so that an object may touch the frame. A pixel that has the background's colour
times a factor less than one is taken for the background in shade, as in Horprasert et al., "A statistical
approach for real-time robust background subtraction and shadow detection" (ICCV Frame-Rate Workshop 1999).
The saliency is the posterior probability of foreground. It has no normalisation by the image's maximum, so
an image may have no foreground at all.
"""

from functools import lru_cache

import numpy as np
from PIL import Image
from scipy import ndimage, stats

LARGEST_SIDE = 128
"""Larger images are resized to this longer side, in pixels."""
MARGIN = 0.08
"""Width of the margin, as a share of the shorter side."""
DEGREE = 3
"""Degree of the background's surface in the position."""
SMALLEST_DEVIATION = 4.0
"""Standard deviation of the background's residuals, at least, in grey levels."""
FOREGROUND_PRIOR = 0.01
"""Prior probability of foreground: small, so that the tails of a noisy background are not taken for it."""
DARKEST_SHADE = 0.6
"""The background's brightness in full shade, relative to its own."""
KEPT = 0.75
"""Share of the margin that the plane at the start is fitted to."""
STEPS = 3
"""Concentration steps at the start."""
ROUNDS = 7
"""Rounds of expectation maximisation."""
MEDIAN = 3
"""Side of the median filter over the posterior, in pixels; it takes away single pixels."""

SMALLEST_PART = 0.002
"""Smallest connected part that is kept, as a share of the frame: specks must not stretch the box."""


def saliency(image: np.ndarray) -> np.ndarray:
    """Probability of foreground, float64 [h, w] from 0 to 1, of `image`, uint8 [H, W, 3] in RGB.

    h and w are H and W, or less for images larger than `LARGEST_SIDE`.
    """
    small = _bounded(image)
    height, width, _channels = small.shape
    colors = small.reshape(-1, 3).astype(np.float64)
    terms = _terms(height, width)
    margin = _margin(height, width)
    surface, covariance = _start(terms, colors, margin)
    # The plane is not trusted inside; the first surface of full degree is fitted to the margin as well.
    weights = (1 - _foreground(colors - surface, covariance)) * margin
    for _round in range(ROUNDS):
        surface = _fit(terms, colors, weights)
        # From the margin alone, so that the object itself does not widen what counts as background.
        covariance = _covariance(colors - surface, weights * margin)
        weights = 1 - _foreground(colors - surface, covariance)
    shade = _shade(colors, surface, covariance)
    posterior = _foreground(colors - shade[:, None] * surface, covariance)
    return _without_specks(ndimage.median_filter(posterior.reshape(height, width), MEDIAN))


def _bounded(image: np.ndarray) -> np.ndarray:
    height, width, _channels = image.shape
    shrink = LARGEST_SIDE / max(height, width)
    if shrink >= 1:
        return image
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))


@lru_cache(maxsize=16)
def _terms(height: int, width: int) -> np.ndarray:
    """Products of Legendre polynomials in x and y up to `DEGREE` together, at every pixel: [h * w, terms]."""
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    along = [np.polynomial.legendre.legvander(axis.ravel(), DEGREE) for axis in (x, y)]
    orders = [(i, j) for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)]
    return np.stack([along[0][:, i] * along[1][:, j] for i, j in orders], axis=1)


def _margin(height: int, width: int) -> np.ndarray:
    """1 in the margin and 0 inside, [h * w]."""
    margin = np.ones((height, width))
    thick = max(2, round(MARGIN * min(height, width)))
    margin[thick:-thick, thick:-thick] = 0
    return margin.ravel()


def _start(terms: np.ndarray, colors: np.ndarray, margin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A plane [pixels, 3] and its residuals' covariance [3, 3], of the share `KEPT` of the margin nearest to it."""
    # 1, y and x are the first term, the second, and the first without y.
    plane = terms[:, [0, 1, DEGREE + 1]]
    weights = margin
    for _step in range(STEPS):
        residuals = colors - _fit(plane, colors, weights)
        squared = _squared_distance(residuals, _covariance(residuals, weights))
        weights = margin * (squared <= np.quantile(squared[margin > 0], KEPT))
    surface = _fit(plane, colors, weights)
    # What was left out makes the covariance too small by this factor, where the residuals are Gaussian.
    factor = KEPT / stats.chi2.cdf(stats.chi2.ppf(KEPT, 3), 5)
    return surface, factor * _covariance(colors - surface, weights)


def _fit(terms: np.ndarray, colors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The background's surface [pixels, 3], by weighted least squares."""
    weighted = terms * weights[:, None]
    # The ridge is for weights in too few places to tell the terms apart.
    ridge = (1e-6 * weights.sum() + 1e-9) * np.eye(terms.shape[1])
    return terms @ np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ colors)


def _covariance(residuals: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted covariance [3, 3] of the background's `residuals` [pixels, 3]."""
    covariance = (residuals * weights[:, None]).T @ residuals / max(weights.sum(), 1e-9)
    return covariance + SMALLEST_DEVIATION**2 * np.eye(3)


def _foreground(residuals: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Posterior probability of foreground [pixels] where the background leaves `residuals` [pixels, 3]."""
    squared = _squared_distance(residuals, covariance)
    background = np.exp(-squared / 2) / np.sqrt(np.linalg.det(2 * np.pi * covariance))
    foreground = FOREGROUND_PRIOR / 256**3
    return foreground / (foreground + (1 - FOREGROUND_PRIOR) * background)


def _squared_distance(residuals: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Squared Mahalanobis distance from 0, [pixels]."""
    return np.sum(residuals @ np.linalg.inv(covariance) * residuals, axis=1)


def _shade(colors: np.ndarray, surface: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """The factor [pixels], `DARKEST_SHADE` to 1, that brings the surface nearest to the colours."""
    precise = surface @ np.linalg.inv(covariance)
    nearest = np.sum(precise * colors, axis=1) / np.maximum(np.sum(precise * surface, axis=1), 1e-9)
    return np.clip(nearest, DARKEST_SHADE, 1)


def _without_specks(posterior: np.ndarray) -> np.ndarray:
    """`posterior` [h, w] with 0 in the connected parts above the prior that are smaller than `SMALLEST_PART`."""
    parts, _count = ndimage.label(posterior > FOREGROUND_PRIOR)
    small = np.bincount(parts.ravel()) < SMALLEST_PART * posterior.size
    # Part 0 is what is below the prior, and stays as it is.
    small[0] = False
    return np.where(small[parts], 0.0, posterior)
