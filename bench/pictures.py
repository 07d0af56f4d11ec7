"""Make the pictures of the documentation anew.

    PYTHONPATH=. python bench/pictures.py [FOLDER]

The answer is that of the study `demo`, the intervention that of `intervention`, and what the search finds is that of
`bench/calibration.py` on the seeds 10 to 12: about 45 minutes on two cores. FOLDER, by default the working directory,
takes the results; what is there already is not made again.
"""

import subprocess
import sys
from pathlib import Path

from PIL import Image

from bench.command import command
from workflow_scripts.common.provenance import ROOT

COLOURS = 128
# Of each picture: the study and the figure that it shows, and its width in pixels.
FIGURES = {
    "figure_answer.png": ("demo", "figure_answer", 2025),
    "figure_intervention.png": ("intervention", "figure_intervention", 1300),
}
FOUND, SEEDS, FOUND_WIDTH = "figure_found.png", ("10", "11", "12"), 1500


def main(folder: Path) -> None:
    """Run the studies in `folder` and replace the pictures in docs."""
    snakemake = [str(Path(sys.executable).with_name("snakemake")), "--snakefile", str(ROOT / "Snakefile")]
    # The option takes several files, so another one ends it before the target.
    snakemake += ["--configfile", str(ROOT / "config.yaml"), "--directory", str(folder)]
    for name, (study, figure, width) in FIGURES.items():
        subprocess.run([*snakemake, figure, "--config", f"study={study}"], cwd=ROOT, check=True)
        reduce(folder / "results" / study / "figures" / f"{figure}.png", ROOT / "docs" / name, width)
    calibrations = folder / "calibrations"
    subprocess.run([sys.executable, "bench/calibration.py", str(calibrations), "--seeds", *SEEDS], cwd=ROOT, check=True)
    found = max(calibrations.glob("results/calibrations/*/found.png"), key=lambda path: path.stat().st_mtime)
    reduce(found, ROOT / "docs" / FOUND, FOUND_WIDTH)


def reduce(source: Path, target: Path, width: int) -> None:
    """Write a drawing with few colours and at most so many pixels across, as a page needs it."""
    with Image.open(source) as image:
        drawing = image.convert("RGB")
    width = min(width, drawing.width)
    drawing = drawing.resize((width, round(drawing.height * width / drawing.width)), Image.Resampling.LANCZOS)
    # No result of a study, so without a seal beside it.
    drawing.quantize(COLOURS, dither=Image.Dither.NONE).save(target, "PNG", optimize=True)
    print(f"{target.relative_to(target.parents[1])}: {target.stat().st_size / 1000:.0f} kB, of {source.name}")


if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("folder", metavar="FOLDER", type=Path, nargs="?", default=Path())
    main(parser.parse_args().folder.resolve())
