"""Figures for papers, slides and notebooks: letters, lines and pixels change, and no number."""

import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from PIL import Image

from workflow_scripts.common.cli import _without
from workflow_scripts.common.look import Style, current_style, drawing_for
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.results.figures.style import LOOKS, WIDTH, apply_style, save_figure

TABLE = pd.DataFrame({"x": [0, 1, 2], "y": [0.1, 0.5, 0.2]})


@pytest.mark.parametrize("style", LOOKS)
def test_letters_lines_and_pixels_are_those_of_the_style(style: Style, tmp_path):
    apply_style()
    figure, axis = plt.subplots(figsize=(WIDTH, 2), layout="constrained")
    (line,) = axis.plot(TABLE["x"], TABLE["y"], "o-", markersize=3, linewidth=1)
    bars = axis.vlines([0, 1], 0, 1, linewidth=0.8)
    axis.set_title("a title", fontsize=7)
    before = {text: float(text.get_fontsize()) for text in figure.findobj(Text)}
    with drawing_for(style):
        save_figure(figure, TABLE, tmp_path / "figure")
    look = LOOKS[style]
    assert {text: float(text.get_fontsize()) for text in before} == pytest.approx(
        {text: look.text * size for text, size in before.items()}
    )
    assert (line.get_linewidth(), line.get_markersize()) == pytest.approx((look.lines, 3 * look.lines))
    assert np.atleast_1d(bars.get_linewidth()).tolist() == pytest.approx([0.8 * look.lines])
    with Image.open(tmp_path / "figure.png") as image:
        assert image.width == pytest.approx(look.pixels, abs=1)
    assert pd.read_csv(tmp_path / "figure.csv").equals(TABLE)
    plt.close(figure)


def test_a_job_is_told_the_style_in_either_way():
    assert _without(["--a=1", "--style=slides", "--b", "2"], "--style") == (["--a=1", "--b", "2"], "slides")
    assert _without(["--style", "notebook", "--b=2"], "--style") == (["--b=2"], "notebook")
    assert _without(["--styles=3"], "--style") == (["--styles=3"], None)
    assert current_style() == "paper"


SHOWN = """
from workflow_scripts.common.cli import run
from workflow_scripts.common.look import current_style

def shown(*, word: str) -> None:
    print(word, current_style())

run(shown)
"""


@pytest.mark.parametrize(("options", "expected"), [(["--style=slides"], "slides"), ([], "paper")])
def test_the_command_line_hands_it_on(options, expected):
    """To the function of a module, which has no such argument."""
    command = [sys.executable, "-c", SHOWN, "--word=said", *options]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stdout.split() == ["said", expected], ended.stderr
