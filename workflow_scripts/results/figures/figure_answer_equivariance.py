"""Rule `figure_answer_equivariance`: where the equivariance of embeddings comes from (ours)."""

from pathlib import Path

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.metrics.settings import Ladder
from workflow_scripts.results.catalogue.answer import AnswerFigure
from workflow_scripts.results.figures.figure_answer import Words, draw_means

WORDS = Words(
    level="equivariance: alignment above that of shuffled dimensions, mean over pairs, magnitudes and seeds",
    difference="difference of equivariances, with its 95 % interval",
)


def figure_answer_equivariance(
    *,
    answer: Path,
    ladders: dict[str, Ladder],
    models: dict[str, str],
    titles: dict[str, str],
    figure: AnswerFigure,
    output: Path,
) -> None:
    """Draw the ladders and contrasts of equivariances of embeddings, per transformation, with intervals.

    `answer` is the table of the rule `answer_equivariance`; `models` and `titles` are the names of models, with the
    numbers of their seeds, and of transformations for readers. Writes `output`.{pdf,svg,png,csv}.
    """
    draw_means(read_table(answer), ladders, models, titles, figure, WORDS, output)


if __name__ == "__main__":
    run(figure_answer_equivariance)
