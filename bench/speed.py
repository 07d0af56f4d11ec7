"""README's table of speed: measure, keep the last output, and write the table from it.

    PYTHONPATH=. python bench/speed.py FOLDER [MEASURE ...]

FOLDER holds photographs (JPEGs, in any folders beneath it). Without names, everything that this machine can is
measured: on two cores in about 15 minutes, half of them the demo. With names, the others keep their last output.
Nothing else should run meanwhile. The programs beside this one measure all but the demo, with one thread on a CPU. If
there is a GPU, it is measured as well.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import torch

from bench import input as training_input
from bench import lie, precision, search, start, training
from bench.command import command, folder
from bench.stored import image_folder
from workflow_scripts.common.provenance import ROOT

LAST = ROOT / "bench" / "speed.json"
BEGIN, END = "<!-- made by bench/speed.py: begin -->\n", "<!-- end -->\n"
ARCHITECTURE = {"cpu": "resnet18", "cuda": "vit_base_patch16_224"}


class Row(NamedTuple):
    """A line of the table: what was measured, what it gave, and what it should be."""

    what: str
    measured: str
    aim: str = ""


def of_input(images: Path, _: str) -> list[Row]:
    """Training input of one core, against torchvision's and against decoding alone."""
    peer, found = training_input.measure(images / "val")[1:]
    aims = {
        "original bytes": ("2.0 x", "0.85"),
        "`store_size: 256`": ("7 x", "0.85"),
        "`store_size: 256`, `store: pixels`": ("15 x", ""),
    }
    rows = []
    for one in found:
        if one.title not in aims:
            continue
        times, share = aims[one.title]
        rows.append(Row(f"training input, {one.title}: times torchvision's", f"{peer / one.rrc:.1f} x", times))
        if one.of_decoding is not None:
            what = f"training input, {one.title}: share of the speed of decoding alone"
            rows.append(Row(what, f"{one.of_decoding:.2f}", share))
    return rows


def of_training(images: Path, device: str) -> list[Row]:
    """Steps on loaded images against steps on one batch that is there."""
    gpu = device == "cuda"
    bench = training.Bench(torch.device(device), len(os.sched_getaffinity(0)) if gpu else 0, 4 if gpu else 10)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        enough = image_folder(images / "val", place / "images", at_least=1024 if gpu else 64)
        return [
            Row(f"training of ResNet-18, {one.title}: share of the speed without loading", f"{one.share:.2f}", "0.95")
            for one in training.speeds(bench, enough, place)
        ]


def of_sweep(images: Path, device: str) -> list[Row]:
    """What of an embedding sweep are forward passes."""
    (one,) = precision.measure(images, device, ARCHITECTURE[device], precisions=("float32",))
    what = f"sweep of bank A, {ARCHITECTURE[device]}: share of the forward passes in its time"
    return [Row(what, f"{one.share:.2f}", {"cpu": "0.90", "cuda": "0.85"}[device])]


def of_search(images: Path, device: str) -> list[Row]:
    """The similarity search of GIB against one image at a time."""
    peer, ours = search.measure(images, device)
    what = "similarity search over bank B, ResNet-18: times one that embeds each image by itself"
    return [Row(what, f"{peer / ours:.1f} x", {"cpu": "2.5 x", "cuda": "20 x"}[device])]


def of_lie(_: Path, device: str) -> list[Row]:
    """A Lie derivative in forward passes."""
    rows = []
    for architecture in lie.ARCHITECTURES:
        forward, costs = lie.measure(architecture, torch.device(device))[1:]
        what = f"Lie derivative along one transformation, {architecture}: forward passes"
        rows.append(Row(what, f"{costs['all at once'] / forward:.1f}", "at most 3"))
    return rows


def of_start(_: Path, __: str) -> list[Row]:
    """A dry run."""
    return [Row("dry run of the study `demo`: CPU seconds", f"{start.dry_runs()['kept']:.1f}")]


def of_demo(_: Path, __: str) -> list[Row]:
    """The demo from nothing, and once more when nothing is left to do, both by the clock."""
    with tempfile.TemporaryDirectory() as temporary:
        command = [str(Path(sys.executable).with_name("snakemake")), "--snakefile", str(ROOT / "Snakefile")]
        command += ["--configfile", str(ROOT / "config.yaml"), "--directory", temporary, "--config", "study=demo"]
        took = []
        for _again in range(2):
            began = time.perf_counter()
            subprocess.run([*command, "--", "report"], cwd=ROOT, check=True, capture_output=True)
            took.append(time.perf_counter() - began)
    minutes, seconds = divmod(round(took[0]), 60)
    return [
        Row("the study `demo` from nothing, two cores", f"{minutes} min {seconds} s", "less than 8 min"),
        Row("the study `demo` when nothing is to be done", f"{took[1]:.1f} s", "less than 5 s"),
    ]


MEASURES: dict[str, Callable[[Path, str], list[Row]]] = {
    "input": of_input,
    "training": of_training,
    "sweep": of_sweep,
    "search": of_search,
    "lie": of_lie,
    "start": of_start,
    "demo": of_demo,
}
ON_GPU = ("training", "sweep", "search", "lie")


def machine(device: str) -> str:
    """What the numbers are of."""
    packages = f"Python {platform.python_version()}, PyTorch {torch.__version__.partition('+')[0]}"
    cores = len(os.sched_getaffinity(0))
    if device == "cuda":
        return f"{torch.cuda.get_device_name()}, {cores} cores, {packages}"
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return f"{names[0].partition(': ')[2] if names else platform.machine()}, {cores} cores, {packages}"


def table(last: dict[str, dict[str, dict]]) -> str:
    """The lines of README between the marks, in Markdown."""
    kept = [(one["machine"], one["date"], one["rows"]) for measures in last.values() for one in measures.values()]
    lines = []
    for (name, date), group in groupby(sorted(kept, key=lambda one: one[:2]), key=lambda one: one[:2]):
        lines += ["", f"{name}; {date}:", "", "| what | measured | aim |", "|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for _, _, rows in group for row in rows]
    missing = [name for name in ON_GPU if name not in last.get("cuda", {})]
    if missing:
        lines += ["", f"Not measured on a GPU with this version: {', '.join(f'`{name}`' for name in missing)}."]
    return "\n".join(lines[1:]) + "\n"


def replaced(text: str, last: dict[str, dict[str, dict]]) -> str:
    """A page with the table of `last` between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise SystemExit(f"README.md: the lines {BEGIN.strip()} and {END.strip()} are needed around the table of speed")
    return before + BEGIN + table(last) + END + after


def measured(name: str, images: Path, device: str) -> dict[str, Any]:
    """What is kept of a measure: the machine, the date, and its rows, which are printed."""
    print(f"{name}, {device} ...", flush=True)
    rows = MEASURES[name](images, device)
    for row in rows:
        print("  " + " | ".join(row), flush=True)
    return {"machine": machine(device), "date": datetime.now(UTC).date().isoformat(), "rows": rows}


def main(photographs: Path, *names: str) -> None:
    """Measure, keep the output, and write README's table."""
    if unknown := set(names) - set(MEASURES):
        raise SystemExit(f"no measure {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
    torch.set_num_threads(1)
    last = json.loads(LAST.read_text()) if LAST.exists() else {}
    with tempfile.TemporaryDirectory() as temporary:
        images = image_folder(photographs, Path(temporary) / "images")
        for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
            for name in names or MEASURES:
                if device == "cpu" or name in ON_GPU:
                    last.setdefault(device, {})[name] = measured(name, images, device)
                    LAST.write_text(json.dumps(last, indent=2) + "\n")
    readme = ROOT / "README.md"
    readme.write_text(replaced(readme.read_text(), last))


if __name__ == "__main__":
    parser = command(__doc__)
    parser.add_argument("photographs", metavar="FOLDER", type=folder)
    parser.add_argument("names", metavar="MEASURE", nargs="*")
    options = parser.parse_args()
    main(options.photographs, *options.names)
