"""Rule `figure_a3`: invariance to every transformation of bank A (GIB Fig. A3)."""

from pathlib import Path

from workflow_scripts.common.cli import run
from workflow_scripts.results.catalogue.invariance import MagnitudeFigure
from workflow_scripts.results.figures.magnitude_boxes import magnitude_boxes


def figure_a3(
    *,
    percentiles: dict[str, list[Path]],
    labels: dict[str, str],
    titles: dict[str, str],
    sample: str,
    figure: MagnitudeFigure,
    output: Path,
) -> None:
    """Draw the invariance of the models to all transformations of bank A (GIB Fig. A3).

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
    run(figure_a3)
