"""What a start costs: of Snakemake, before the first job, and of a job, before its work.

    PYTHONPATH=. python bench/start.py

Prints Markdown rows. A dry run of the study `demo` is timed with and without what is kept of the modules' syntax; of
jobs, the import of the step's module is timed, with the packages that take most of it. Seconds are of the processor,
the least of three runs that take turns.
"""

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from bench.command import command
from workflow_scripts.common.provenance import PACKAGE, ROOT

KEPT = PACKAGE / "__pycache__" / "syntax.json"
RUNS = 3
MODULES = (
    "data.index",
    "embeddings.sweep",
    "training.train",
    "metrics.invariance",
    "results.figures.figure_2",
    "results.tables.table_1a",
    "results.report",
)
LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\w+)")


def seconds(words: list[str]) -> tuple[float, str]:
    """Processor time of a process and its children, and what it says of its errors."""
    before = os.times()
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return spent, done.stderr


def dry_runs() -> dict[str, float]:
    """Seconds of a dry run whose modules are parsed, and of one that finds them parsed."""
    words = [str(Path(sys.executable).with_name("snakemake")), "-n", "-q", "--config", "study=demo"]
    least = {"parsed anew": float("inf"), "kept": float("inf")}
    for _ in range(RUNS):
        for name in least:
            if name == "parsed anew":
                KEPT.unlink(missing_ok=True)
            least[name] = min(least[name], seconds(words)[0])
    return least


def imports() -> None:
    """The import of a step's module, and its three dearest packages."""
    for module in MODULES:
        words = [sys.executable, "-X", "importtime", "-c", f"import workflow_scripts.{module}"]
        spent, said = min(seconds(words) for _ in range(RUNS))
        packages: defaultdict[str, int] = defaultdict(int)
        for own, package in LINE.findall(said):
            packages[package] += int(own)
        dearest = sorted(packages, key=lambda name: -packages[name])[:3]
        total = sum(packages.values())
        shares = ", ".join(f"{name} {packages[name] / total:.0%}" for name in dearest)
        print(f"| import of `{module}` | {spent:.1f} | {shares} |")


if __name__ == "__main__":
    command(__doc__).parse_args()
    print("| start | CPU s | most of it |\n|---|---|---|")
    for state, spent in dry_runs().items():
        print(f"| dry run of `demo`, modules {state} | {spent:.1f} | |")
    imports()
