"""Contributions and shares of layers from Hutchinson probes, with their standard errors.

For v ~ N(0, I), E (v.a)(v.b) = a.b, so that the products v.c_i of a layer and v.L f of the whole network give
E ||c_i||^2 = E (v.c_i)^2 and E <c_i, L f> = E (v.c_i)(v.L f) over images.
"""

import numpy as np
import pandas as pd


def contributions(products: np.ndarray, whole: np.ndarray, groups: np.ndarray | None = None) -> pd.DataFrame:
    """One row per layer from `products` v.c_i [layers, images, probes] and `whole` v.L f [images, probes].

    Where `groups` [layers] gives each layer the number of its group, 0 to groups - 1, there is one row per group, with
    the sums over its layers of contributions and of shares. A share is a quotient of two means over the same images
    and probes, so that shares add up to what the products do; its errors are those of the mean residual (the delta
    method). Of each mean there are two standard errors: over images, each with its own probes, which covers both; and
    of the probes alone, for these very images.
    """
    squared, crossed = (_sums(values, groups) for values in (np.square(products), products * whole))
    total = float(np.square(whole).mean()) or np.nan
    share = crossed.mean(axis=(1, 2)) / total
    residual = (crossed - share[:, None, None] * np.square(whole)) / total
    return pd.DataFrame(
        {
            "contribution": squared.mean(axis=(1, 2)),
            "contribution_sem": _over_images(squared),
            "contribution_probe_sem": _over_probes(squared),
            "share": share,
            "share_sem": _over_images(residual),
            "share_probe_sem": _over_probes(residual),
            "whole": total,
            "n": whole.shape[0],
            "probes": whole.shape[1],
        }
    )


def _sums(values: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """Sums over the layers of each group, [groups, images, probes]."""
    if groups is None:
        return values
    sums = np.zeros((groups.max() + 1, *values.shape[1:]))
    np.add.at(sums, groups, values)
    return sums


def _over_images(values: np.ndarray) -> np.ndarray:
    """Standard error of the mean of each layer over images, [layers]; NaN for one image."""
    n = values.shape[1]
    if n < 2:
        return np.full(len(values), np.nan)
    return values.mean(axis=2).std(axis=1, ddof=1) / np.sqrt(n)


def _over_probes(values: np.ndarray) -> np.ndarray:
    """Standard error of the mean of each layer over probes, for given images, [layers]."""
    _, n, probes = values.shape
    return np.sqrt(values.var(axis=2, ddof=1).sum(axis=1) / probes) / n
