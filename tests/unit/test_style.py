"""The look of figures."""

import pytest

from workflow_scripts.embeddings.settings import BANK_A, BANK_B
from workflow_scripts.figures.settings import PALETTE
from workflow_scripts.figures.style import TITLES, shades


@pytest.mark.parametrize("count", [1, 8, 9, 22])
def test_models_beyond_the_colours_have_lighter_and_darker_ones(count):
    drawn = shades(PALETTE, count)
    assert [color.upper() for color in drawn[:8]] == PALETTE[:count]
    assert len(set(drawn)) == len(drawn) == count


def test_every_transformation_of_both_banks_has_a_title():
    assert set(TITLES) >= {*BANK_A, *BANK_B}
