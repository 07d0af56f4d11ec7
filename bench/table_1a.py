"""Do generated images show what GIB's Table 1a shows? The trainings of the study `demo` on other generated data sets.

    PYTHONPATH=. python bench/table_1a.py FOLDER --seeds 0 1 2 3 4

Trains the demo's ResNet by every method and with every seed of the demo, in FOLDER, on a data set for each of --seeds:
about three minutes each on two cores. Prints a Markdown row per data set: mean top-1 of each method over the seeds of
the training and its standard error, in percent. What is there is not made again.
"""

import os
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from bench.calibration import workflow
from bench.command import command
from workflow_scripts.common.provenance import ROOT

KEPT = ("title", "dataset", "preprocessing", "training", "execution")


def study(seed: int) -> dict[str, Any]:
    """The study `demo` with another seed and without its ViT, and nothing but its trainings."""
    demo = yaml.safe_load((ROOT / "studies" / "demo.yaml").read_text())
    architecture = demo["training"].pop("architectures")["resnet"]
    demo["training"] |= {"architecture": architecture["timm"], "architecture_args": architecture["args"]}
    return {"seed": seed, **{key: demo[key] for key in KEPT}, "models": {"trained": {"training": "standard"}}}


def main(folder: Path, seeds: list[int], cores: int) -> None:
    """Train, and print a row as soon as there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        file = folder / f"data{seed}.yaml"
        file.write_text(yaml.safe_dump(study(seed), sort_keys=False))
        workflow(file, "table_1a", "--config", cores=cores)
        table = pd.read_csv(folder / "results" / file.stem / "tables" / "table_1a.csv")
        if not number:
            print(f"| data set | {' | '.join(table['method'])} |\n|---|{'---|' * len(table)}")
        cells = [f"{mean:.1f} ± {error:.1f}" for mean, error in zip(table["top-1 (%)"], table["SEM (%)"], strict=True)]
        print(f"| {seed} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    main(options.folder.resolve(), options.seeds, options.cores)
