"""The look of figures."""

import pytest

from workflow_scripts.results.catalogue.entry import PALETTE
from workflow_scripts.results.figures.style import shades
from workflow_scripts.transformations.bank_a import BANK_A
from workflow_scripts.transformations.bank_b import BANK_B


@pytest.mark.parametrize("count", [1, 8, 9, 22])
def test_models_beyond_the_colours_have_lighter_and_darker_ones(count):
    drawn = shades(PALETTE, count)
    assert [color.upper() for color in drawn[:8]] == PALETTE[:count]
    assert len(set(drawn)) == len(drawn) == count


def test_every_transformation_of_both_banks_has_a_title():
    for entry in (*BANK_A.values(), *BANK_B.values()):
        assert entry.title.strip()
        assert entry.title == entry.title.strip()
