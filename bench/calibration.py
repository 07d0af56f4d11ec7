"""Does the similarity search find what was planted? Over generated data sets, strengths of the factors, and images.

    PYTHONPATH=. python bench/calibration.py FOLDER --seeds 10 11 12 --strengths 0.25 0.5 0.75 1.25 --images 10 20

Runs the study `calibration` once per seed, each with its factors dealt to the classes in another way, in FOLDER; then,
for the first of its models alone or with --every-model for all, with factors of other strengths and with fewer images
per class. At last it sets all of them side by side by `snakemake compare_calibrations`, whose table it prints. What is
there is not made again.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from bench.command import command
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.steps.compare import folder_name

# Places by which each data set deals its factors further on than the one before.
FURTHER = 5


def main() -> None:
    """Run it, by the options of the command line."""
    parser = command(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--strengths", type=float, nargs="*", default=[0.25, 0.5, 0.75, 1.25])
    parser.add_argument("--images", type=int, nargs="*", default=[10, 20])
    parser.add_argument("--every-model", action="store_true")
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, study in studies(options.seeds, options.strengths, options.images, options.every_model):
        files.append(folder / f"{name}.yaml")
        files[-1].write_text(yaml.safe_dump(study, sort_keys=False))
    with ThreadPoolExecutor(options.cores) as pool:
        list(pool.map(run, files))
    named = ",".join(map(str, files))
    workflow(files[0], "compare_calibrations", "--config", f"calibrations={named}")
    found = folder / "results" / "calibrations" / folder_name(file.stem for file in files) / "found_factors.md"
    print(found.read_text(), found.parent, sep="\n")


def studies(
    seeds: list[int], strengths: list[float], images: list[int], every_model: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The study `calibration` with other seeds, and its variants, by name."""
    for number, seed in enumerate(seeds):
        study = yaml.safe_load((ROOT / "studies" / "calibration.yaml").read_text())
        study["seed"] = seed
        study["dataset"]["assignment"] = FURTHER * number
        yield f"set{seed}", study
        searched = study["similarity_search"]["models"][: None if every_model else 1]
        varied = {**study, "models": {name: study["models"][name] for name in searched}}
        search = {**study["similarity_search"], "models": searched}
        for strength in strengths:
            dataset = {**study["dataset"], "strength": strength}
            yield (
                f"set{seed}_s{strength:g}".replace(".", ""),
                {**varied, "dataset": dataset, "similarity_search": search},
            )
        for count in images:
            fewer = {**search, "pairs_per_class": count // 2, "closure": {"images_per_class": count}}
            yield f"set{seed}_n{count}", {**varied, "similarity_search": fewer}


def run(file: Path) -> None:
    """Calibrate one study, in a working directory of its own, so that several run side by side."""
    workflow(file, "table_calibration", "figure_calibration", "--config")
    print(f"{file.stem} is done", flush=True)


def workflow(file: Path, *words: str, cores: int = 1) -> None:
    """Run the workflow on a study; `words` end with --config and its values."""
    folder = file.parent / "runs" / file.stem
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "output.txt"
    command = [sys.executable, "-m", "snakemake", "-s", f"{ROOT}/Snakefile", "--configfile", f"{ROOT}/config.yaml"]
    command += ["--directory", str(folder), "--cores", str(cores), *words]
    command += [f"study={file}", f"results={file.parent / 'results'}"]
    with log.open("wb") as output:
        ended = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
    if ended.returncode:
        raise SystemExit(f"{file.stem} failed; see {log}")


if __name__ == "__main__":
    main()
