"""Rule `figure_3a`: change of similarity under every single transformation (GIB Fig. 3A)."""

from pathlib import Path

from workflow_scripts.common.cli import run
from workflow_scripts.results.catalogue.search import ChangeFigure
from workflow_scripts.results.figures.change_boxes import change_boxes


def figure_3a(
    *, searches: list[Path], labels: dict[str, str], titles: dict[str, str], figure: ChangeFigure, output: Path
) -> None:
    """Draw the change under every single transformation (GIB Fig. 3A).

    Arguments are those of `change_boxes`.
    """
    change_boxes(searches=searches, labels=labels, titles=titles, figure=figure, policy="single", output=output)


if __name__ == "__main__":
    run(figure_3a)
