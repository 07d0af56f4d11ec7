"""Rule `figure_a5`: change of similarity without translation and rescale (GIB Fig. A5)."""

from pathlib import Path

from workflow_scripts.common.cli import run
from workflow_scripts.results.catalogue.search import ChangeFigure
from workflow_scripts.results.figures.change_boxes import change_boxes


def figure_a5(
    *, searches: list[Path], labels: dict[str, str], titles: dict[str, str], figure: ChangeFigure, output: Path
) -> None:
    """Draw the change under single transformations that standard augmentation lacks (GIB Fig. A5).

    Arguments are those of `change_boxes`.
    """
    change_boxes(searches=searches, labels=labels, titles=titles, figure=figure, policy="single", output=output)


if __name__ == "__main__":
    run(figure_a5)
