"""Running the workflow in a copy of the project, as a user would."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from workflow_scripts.common.provenance import ROOT

SNAKEMAKE = [sys.executable, "-m", "snakemake"]
PARTS = ("Snakefile", "config.yaml", "rules", "studies", "profiles", "slurm", "envs", "workflow_scripts")


@dataclass(frozen=True)
class Checkout:
    """A copy of the project's files, with a study of its own."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "Checkout":
        folder.mkdir(parents=True)
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, folder / part)
        return cls(folder)

    def copy(self, folder: Path) -> "Checkout":
        """A copy, with results and what Snakemake has recorded of them. No file in it is a link to another one."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Checkout(folder)

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """Run snakemake; the study is `mine` unless the arguments name another."""
        study = [] if "--config" in arguments else ["--config", "study=mine"]
        # Targets come first: everything behind --config is taken for a setting.
        done = subprocess.run(
            [*SNAKEMAKE, "--cores", "2", *arguments, *study],
            cwd=self.folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def planned(self, *arguments: str) -> dict[str, int]:
        """Jobs a dry run would run, by rule, without `all` and its like."""
        done = self.snakemake("--dry-run", *arguments)
        return planned(done.stdout + done.stderr)

    def edit(self, file: str, right: str, wrong: str) -> None:
        """Replace a text that occurs in `file`."""
        path = self.folder / file
        text = path.read_text()
        assert right in text, f"{right!r} is not in {file}"
        path.write_text(text.replace(right, wrong))

    def write_study(self, study: dict) -> None:
        """Write the study `mine`."""
        (self.folder / "studies" / "mine.yaml").write_text(yaml.safe_dump(study, sort_keys=False))

    def results(self) -> Path:
        """The study's folder of results."""
        return self.folder / "results" / "mine"


def planned(output: str) -> dict[str, int]:
    """Numbers of jobs in the table that a dry run prints."""
    if "Nothing to be done" in output:
        return {}
    table = output.split("Job stats:")[1].split("total")[0]
    counts = {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)\s*$", table, re.MULTILINE)}
    return {name: count for name, count in counts.items() if name not in ("all", "figures", "trainings")}


NARROW = {"channels": [8, 8, 16, 16]}


def tiny_study(**changes) -> dict:
    """A study that runs in a minute: two classes, one training, two untrained networks."""
    return {
        "title": "Tiny",
        "dataset": {"kind": "imagefolder", "root": "images"},
        "preprocessing": {"resize": 36, "crop": 32},
        "training": {
            "architecture_args": NARROW,
            "recipe": {"epochs": 2, "batch_size": 4, "learning_rate": 0.01},
            "seeds": [0],
            "methods": {"fscc": {}, "standard": {}},
        },
        "models": {
            "trained": {"training": "fscc"},
            "untrained": {"timm": "resnet18", "args": NARROW, "crop": 32},
        },
        "banks": {"a": {"transformations": ["translateX", "rotate", "solarize"], "magnitudes": [0, 4, 9]}},
        "invariance": {"pairs": 8},
        "foreground": {"method": "saliency"},
        "figures": {"figure_2": {"transformations": ["translateX", "rotate"], "colors": ["#0072B2", "#E69F00"]}},
        "execution": {"threads": 1, "workers": 0},
        **changes,
    }
