"""Rule `figure_2`: invariance to translation, zoom and rotation (GIB Fig. 2)."""

from pathlib import Path

from workflow_scripts.common.cli import run
from workflow_scripts.results.catalogue.invariance import MagnitudeFigure
from workflow_scripts.results.figures.magnitude_boxes import magnitude_boxes


def figure_2(
    *,
    percentiles: dict[str, list[Path]],
    labels: dict[str, str],
    titles: dict[str, str],
    sample: str,
    figure: MagnitudeFigure,
    output: Path,
) -> None:
    """Draw the invariance of the models to a few transformations (GIB Fig. 2).

    Arguments are those of `magnitude_boxes`.
    """
    magnitude_boxes(
        measure="invariance",
        percentiles=percentiles,
        labels=labels,
        titles=titles,
        sample=sample,
        figure=figure,
        output=output,
    )


if __name__ == "__main__":
    run(figure_2)
