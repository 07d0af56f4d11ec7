"""Rule `figure_answer_errors`: what architecture, data and augmentation give to each equivariance (ours)."""

from pathlib import Path

import matplotlib.pyplot as plt

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.metrics.settings import Ladder
from workflow_scripts.results.catalogue.answer import AnswerFigure
from workflow_scripts.results.figures.figure_answer import Words, draw_answer
from workflow_scripts.results.figures.model_points import GENERATORS
from workflow_scripts.results.figures.style import apply_style, save_figure

WORDS = Words(
    level="log₁₀ of the equivariance error ‖Lf‖²/(D Var f): mean over images and seeds; lower is more equivariant",
    difference="difference of log₁₀ errors, with its 95 % interval; −1 is a tenth of the error",
    from_zero=False,
)


def figure_answer_errors(
    *, answer: Path, ladders: dict[str, Ladder], models: dict[str, str], figure: AnswerFigure, output: Path
) -> None:
    """Draw the ladders and contrasts of local equivariance errors, per one-parameter group, with intervals.

    `answer` is the table of the rule `answer_errors`; `models` are the names of models, with the
    numbers of their seeds. Writes `output`.{pdf,svg,png,csv}.
    """
    apply_style()
    table = read_table(answer)
    drawn = draw_answer(table, ladders, models, GENERATORS, figure, WORDS)
    save_figure(drawn, table, output)
    plt.close(drawn)


if __name__ == "__main__":
    run(figure_answer_errors)
