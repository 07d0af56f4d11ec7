"""Rule `figure_2`: invariance to translation, zoom and rotation (GIB Fig. 2)."""

from pathlib import Path

from workflow_scripts.common.cli import run
from workflow_scripts.figures.magnitude_boxes import magnitude_boxes
from workflow_scripts.figures.settings import MagnitudeFigure


def figure_2(*, percentiles: list[Path], labels: dict[str, str], figure: MagnitudeFigure, output: Path) -> None:
    """Draw the invariance of the models to a few transformations (GIB Fig. 2).

    Arguments are those of `magnitude_boxes`.
    """
    magnitude_boxes(measure="invariance", percentiles=percentiles, labels=labels, figure=figure, output=output)


if __name__ == "__main__":
    run(figure_2)
