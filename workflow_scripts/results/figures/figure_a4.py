"""Rule `figure_a4`: change of similarity under every sub-policy (GIB Fig. A4)."""

from pathlib import Path

from workflow_scripts.common.cli import run
from workflow_scripts.results.catalogue.search import ChangeFigure
from workflow_scripts.results.figures.change_boxes import change_boxes


def figure_a4(
    *, searches: list[Path], labels: dict[str, str], titles: dict[str, str], figure: ChangeFigure, output: Path
) -> None:
    """Draw the change under every sub-policy (GIB Fig. A4).

    Arguments are those of `change_boxes`.
    """
    change_boxes(searches=searches, labels=labels, titles=titles, figure=figure, policy="sub-policy", output=output)


if __name__ == "__main__":
    run(figure_a4)
