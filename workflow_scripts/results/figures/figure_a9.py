"""Rule `figure_a9`: bounds of learned translation and zoom (GIB appendix G, Fig. A9)."""

from pathlib import Path

from workflow_scripts.augerino.settings import AffineGenerator
from workflow_scripts.common.cli import run
from workflow_scripts.results.figures.learned_bounds import draw_bounds


def figure_a9(
    *,
    runs: dict[str, list[Path]],
    initial_widths: dict[AffineGenerator, float],
    limits: dict[AffineGenerator, float],
    output: Path,
) -> None:
    """Draw the bounds over epochs and at the end; `runs` gives the training folders for each lambda.

    See `draw_bounds` for what is drawn and for what raises `InputError`.
    """
    draw_bounds(runs, initial_widths, limits, output)


if __name__ == "__main__":
    run(figure_a9)
