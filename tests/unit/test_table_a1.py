"""The Beta laws of the crop's area have the moments of GIB Table A1, exactly and by simulation."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import integrate, stats

from workflow_scripts.common import beta_law
from workflow_scripts.common.beta_law import AreaLaw
from workflow_scripts.common.errors import InputError
from workflow_scripts.results.catalogue.augmentation import BetaTable
from workflow_scripts.results.tables.table_a1 import table_a1, variance_with_error
from workflow_scripts.training import augmentations

# GIB Table A1; docs/methods.md, "Training augmentations".
VARIANCES = {0.1: 0.8283, 0.5: 3.1875, 1: 4.9630, 2: 6.8094, 3: 7.6325, 10: 7.3208}
DRAWS = 200_000


def read(folder, seed: int = 0, betas: tuple[float, ...] = tuple(VARIANCES), samples: int = DRAWS) -> pd.DataFrame:
    table_a1(table=BetaTable(betas=list(betas), samples=samples), seed=seed, output=folder / "table_a1")
    return pd.read_csv(folder / "table_a1.csv")


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> pd.DataFrame:
    return read(tmp_path_factory.mktemp("table_a1"))


def test_the_exact_moments_are_those_of_the_paper(table):
    assert table["beta"].tolist() == list(VARIANCES)
    np.testing.assert_allclose(table["Var[1/sigma^2]"], list(VARIANCES.values()), rtol=0, atol=5e-5)
    np.testing.assert_allclose(table["E[sigma^2]"], 0.08 + 0.92 / (1 + table["beta"]), rtol=1e-12)
    np.testing.assert_allclose(table["E[sigma^2], integral"], table["E[sigma^2]"], rtol=1e-9)


def test_the_uniform_law_has_the_moments_of_paper_and_pencil():
    a = 0.08
    inverse, squared = -math.log(a) / (1 - a), 1 / a
    assert AreaLaw(1).zoom_variance() == pytest.approx(squared - inverse**2, rel=1e-9)


@pytest.mark.parametrize("moment", ["E[sigma^2]", "Var[1/sigma^2]"])
def test_the_estimates_lie_within_their_errors(table, moment):
    errors = table[f"{moment}, SE"]
    assert (errors > 0).all()
    assert ((table[f"{moment}, MC"] - table[moment]).abs() < 4 * errors).all()
    # Errors so small that a wrong moment would be seen.
    assert (errors < 0.02 * table[moment]).all()


def test_the_standard_error_of_a_variance_is_its_spread_over_repetitions():
    random, values = np.random.default_rng(0), []
    for _ in range(2000):
        values.append(variance_with_error(random.exponential(size=500)))
    variances, errors = np.array(values).T
    assert errors.mean() == pytest.approx(variances.std(), rel=0.1)
    assert variances.mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("beta", VARIANCES)
def test_numpy_and_the_augmentations_draw_from_one_law(beta):
    source = torch.Generator().manual_seed(0)
    theirs = [augmentations.area_fraction(beta, source) for _ in range(4000)]
    ours = AreaLaw(beta).sample(4000, np.random.default_rng(0))
    assert stats.ks_2samp(ours, theirs).pvalue > 1e-3
    assert stats.ks_2samp(ours, AreaLaw(1.3 * beta).sample(4000, np.random.default_rng(1))).pvalue < 1e-3
    assert beta_law.SMALLEST_AREA == augmentations.SMALLEST_AREA


@pytest.mark.parametrize("beta", VARIANCES)
def test_the_densities_are_those_of_the_samples(beta):
    """Mass of an interval away from the pole at 1, by both densities and by counting."""
    law, low, high = AreaLaw(beta), 0.3, 0.9
    share = integrate.quad(law.density, low, high)[0]
    assert integrate.quad(law.zoom_density, 1 / high, 1 / low)[0] == pytest.approx(share, rel=1e-8)
    areas = law.sample(DRAWS, np.random.default_rng(0))
    counted = ((areas > low) & (areas < high)).mean()
    assert abs(counted - share) < 4 * math.sqrt(share * (1 - share) / DRAWS)
    assert law.density(np.array([0.07, 1.01])).tolist() == [0, 0]


def test_rows_depend_on_the_seed_and_on_nothing_else(table, tmp_path):
    column = "Var[1/sigma^2], MC"
    alone = read(tmp_path, betas=(2.0,))
    assert alone[column].tolist() == table.loc[table["beta"] == 2, column].tolist()
    assert read(tmp_path, seed=1, betas=(2.0,))[column].tolist() != alone[column].tolist()


def test_two_draws_are_enough(tmp_path):
    few = read(tmp_path, samples=2)
    assert np.isfinite(few).all(axis=None)


@pytest.mark.parametrize("beta", [0, -1, math.inf, math.nan])
def test_a_wrong_beta_is_one_sentence(beta):
    with pytest.raises(InputError, match="give numbers above 0"):
        AreaLaw(beta)
