"""What the page is computed from, besides the files of figures and tables."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from workflow_scripts.common.files import read_table
from workflow_scripts.results.page.intervals import median_of_pairs
from workflow_scripts.results.study import Study
from workflow_scripts.workflow.workspace import Workspace

PAIR_COLUMNS = ["x", "x_prime", "transformation", "magnitude", "baseline", "invariance"]


class Measured(NamedTuple):
    """What the page takes from the invariances of one network."""

    intervals: dict[tuple[str, int], tuple[float, float]]
    """Intervals of the medians over pairs, by transformation and magnitude."""
    medians: dict[tuple[str, int], float]
    """The medians themselves."""
    baseline: float
    """Median cosine distance of two different images at the smallest magnitude."""
    pairs: int
    images: int
    """Number of the images in the pairs."""


@dataclass(frozen=True)
class Behind:
    """A study that has run, with the tables that sentences and warnings are computed from.

    All of them may be absent: a study need not measure everything.
    """

    workspace: Workspace
    study: Study
    invariances: Mapping[str, list[Path]] = field(default_factory=dict)
    """Tables of invariance per pair, of every network of a model."""
    equivariances: Mapping[str, list[Path]] = field(default_factory=dict)
    """Summaries of equivariance, of every network of a model."""
    searches: Mapping[str, Path] = field(default_factory=dict)
    """Similarity searches, by model."""
    histories: Mapping[str, list[Path]] = field(default_factory=dict)
    """Histories of all seeds of a training."""
    index: Path | None = None
    """The table of all images."""
    examples: Path | None = None
    """The table of images behind the invariances."""

    @cached_property
    def labels(self) -> dict[str, str]:
        """Names of the models for readers."""
        return self.workspace.labels(self.study.models)

    def label(self, network: object) -> str:
        """The name of a model for readers, or of one of its seeds."""
        return self.workspace.shown_networks(self.study.models, "all").get(str(network), str(network))

    @cached_property
    def titles(self) -> dict[str, str]:
        """Names of the transformations of both banks for readers."""
        banks = (self.study.banks.b.entries, self.study.banks.a.entries)
        return {name: entry.title for bank in banks for name, entry in bank.items()}

    def title(self, transformation: str) -> str:
        """A transformation as a person says it: its title, with the step behind it where there is one."""
        parts = (part.partition(" ") for part in transformation.split(" + "))
        return " + ".join(f"{self.titles.get(name, name)}{space}{step}" for name, space, step in parts)

    @cached_property
    def _measured(self) -> dict[str, list["Measured"]]:
        """What is taken from the pairs of each network: the pairs themselves are too many to be kept."""
        return {model: [_measured(path) for path in paths] for model, paths in self.invariances.items()}

    def median_interval(self, model: str, transformation: str, magnitude: int) -> tuple[float, float]:
        """95 % interval of the median invariance over pairs, a mean over the networks of a model.

        The margin for the images is the mean of those of the networks: all are measured on the same pairs, so it is not
        taken to be narrower. That for the seeds, of several networks, is Student's; both add in squares.
        """
        cell = (transformation, magnitude)
        networks = [one for one in self._measured.get(model, []) if cell in one.intervals]
        if not networks:
            return math.nan, math.nan
        low, high = np.mean([one.intervals[cell] for one in networks], axis=0)
        if len(networks) == 1:
            return float(low), float(high)
        medians = np.array([one.medians[cell] for one in networks])
        middle, of_seeds = medians.mean(), stdtrit(len(medians) - 1, 0.975) * medians.std(ddof=1) / len(medians) ** 0.5
        # No invariance is above 1.
        return middle - math.hypot(middle - low, of_seeds), min(1.0, middle + math.hypot(high - middle, of_seeds))

    @cached_property
    def baselines(self) -> dict[str, float]:
        """Median cosine distance of two different images, by model: the smallest of its networks."""
        known = {
            model: [one.baseline for one in networks if not math.isnan(one.baseline)]
            for model, networks in self._measured.items()
        }
        return {model: min(values) for model, values in known.items() if values}

    @cached_property
    def pair_counts(self) -> tuple[int, int]:
        """Number of pairs for invariance, and of the images in them; zeros where it is not measured."""
        networks = [one for several in self._measured.values() for one in several]
        return max(((one.pairs, one.images) for one in networks), default=(0, 0))

    @cached_property
    def accuracies(self) -> dict[str, list[float]]:
        """Top-1 on the validation images after the last epoch, of every seed of a training; diverged ones left out."""
        result = {}
        for name, paths in self.histories.items():
            last = [read_table(path, columns=["val_top1"])["val_top1"].iloc[-1] for path in paths]
            result[name] = [float(value) for value in last if not pd.isna(value)]
        return result

    @cached_property
    def images(self) -> pd.DataFrame:
        """Columns split, images and classes; empty where no images are looked at."""
        if self.index is None:
            return pd.DataFrame(columns=["split", "images", "classes"])
        table = read_table(self.index, columns=["split", "class"])
        return table.groupby("split")["class"].agg(images="size", classes="nunique").reset_index()

    def images_of(self, split: str) -> int:
        """Number of the images of a split."""
        return int(self.images.loc[self.images["split"] == split, "images"].sum())


def _measured(path: Path) -> Measured:
    """Read the pairs of one network."""
    table = read_table(path, columns=PAIR_COLUMNS)
    cells = {
        (str(name), int(str(magnitude))): rows
        for name, of_one in table.groupby("transformation", sort=False)
        for magnitude, rows in of_one.groupby("magnitude", sort=False)
    }
    intervals = {
        cell: median_of_pairs(*(rows[column].to_numpy() for column in ("invariance", "x", "x_prime")))
        for cell, rows in cells.items()
    }
    medians = {cell: float(rows["invariance"].median()) for cell, rows in cells.items()}
    weakest = table.loc[table["magnitude"] == table["magnitude"].min(), "baseline"]
    pairs = table[["x", "x_prime"]].drop_duplicates()
    return Measured(intervals, medians, float(weakest.median()), len(pairs), len(pd.unique(pairs.to_numpy().ravel())))
