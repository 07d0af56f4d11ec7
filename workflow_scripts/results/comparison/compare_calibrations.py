"""Target `compare_calibrations`: does the search find what was planted, over several generated data sets? (ours)"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.common.permutations import holm
from workflow_scripts.results.comparison.draw_calibrations import draw_confusion, draw_found
from workflow_scripts.results.comparison.settings import CalibratedStudy
from workflow_scripts.results.page.intervals import of_share
from workflow_scripts.results.tables.notes import RANKING_NAMES
from workflow_scripts.results.tables.table_calibration import by_exchange, significant, would_be_found
from workflow_scripts.results.tables.writing import write_table_files

KEYS = ["model", "ranking", "relative", "strength", "images"]
NOTE = (
    "Found: share of the classes with a factor that the bank can express whose best operation is one that expresses "
    "it, over all studies of a strength and a number of images per class; low and high: its 95 % interval (Wilson), "
    "with classes of a study as trials. Seeds of a model see the same images, so a class counts once, by its mean "
    "over seeds. Least and most: of the studies. By chance: where the classes of each study exchange their factors at "
    "random; p: share of such exchanges that find as many, and with Holm's correction for all rows. Significant are "
    "classes whose best operation is planted and has p < 0.05 in its search (Holm over the classes of a study); a "
    "false alarm is a class without a factor that is significant. Both are shares of the classes concerned. Rankings "
    "of the papers have no such test."
)
CONFUSION = (
    "Classes by the factor that was planted in them and by the operation that the search finds best, over studies and "
    "seeds. Planted: whether the operation expresses the factor."
)


def compare_calibrations(*, studies: dict[str, CalibratedStudy], calibrations: dict[str, Path], output: Path) -> None:
    """Write, in the folder `output`, what the searches of several studies of generated images find.

    `calibrations` has the tables of the rule `calibration` by `STUDY/NETWORK`. Writes found.{png,svg,pdf,csv} with the
    share of classes found against the strength of the factors and the images per class, confusion.{png,svg,pdf,csv},
    and found_factors.{csv,md} with all numbers.
    """
    ranks = read_calibrations(calibrations, studies)
    found = found_factors(ranks)
    draw_found(found, output / "found")
    best = confusion(ranks)
    titles = {name: title for one in studies.values() for name, title in one.titles.items()}
    draw_confusion(best, titles, output / "confusion")
    write_table_files(table=found, output=output / "found_factors", digits=3, note=NOTE)
    write_table_files(table=best, output=output / "confused_factors", note=CONFUSION)


def read_calibrations(calibrations: dict[str, Path], studies: dict[str, CalibratedStudy]) -> pd.DataFrame:
    """The ranks of all studies, with columns study, network, model, strength and images (per class, at most)."""
    parts = []
    for key, path in calibrations.items():
        study, _, network = key.partition("/")
        about, ranks = studies[study], read_table(path)
        images = ranks["ranking"].map(lambda by, about=about: about.images_of(str(by)))
        seen = ranks.assign(study=study, network=network, model=about.models[network])
        parts.append(seen.assign(strength=about.strength, images=images))
    return pd.concat(parts, ignore_index=True)


def found_factors(ranks: pd.DataFrame) -> pd.DataFrame:
    """A row per model, ranking, strength and number of images: what was found, over studies."""
    rows = []
    # Studies that have nothing to find, of which all classes are controls, tell of false alarms alone.
    empty = dict.fromkeys(["found", "low", "high", "least", "most", "by chance", "p"], float("nan"))
    for key, group in ranks.groupby(KEYS, sort=False):
        named = dict(zip(KEYS, key, strict=True))
        named["ranking"] = RANKING_NAMES[str(named["ranking"])]
        rows.append({**named, **empty, **_of_studies([one for _, one in group.groupby("study", sort=False)])})
    table = pd.DataFrame(rows)
    table["p (Holm)"] = holm(table["p"].to_numpy())
    return table.sort_values(["strength", "images"], ascending=False, kind="stable").reset_index(drop=True)


def _of_studies(studies: Sequence[pd.DataFrame]) -> dict[str, object]:
    """What one ranking finds in several studies, each with the networks of one model."""
    # Networks of a study see the same classes, which exchange their factors together.
    shares = [np.mean([would_be_found(one) for one in _networks(study)], axis=0) for study in studies]
    classes = sum(map(len, shares))
    found = sum(float(share.trace()) for share in shares)
    counts: dict[str, object] = {}
    if classes:
        low, high = of_share(found / classes, classes)
        of_studies = [float(share.trace()) / len(share) for share in shares if len(share)]
        counts = {
            "found": found / classes,
            "low": low,
            "high": high,
            "least": min(of_studies),
            "most": max(of_studies),
            "by chance": sum(float(share.sum()) / len(share) for share in shares if len(share)) / classes,
            "p": by_exchange(*(share for share in shares if len(share))),
        }
    return {
        **counts,
        **_by_the_test(studies, classes),
        "classes": classes,
        "studies": len(studies),
        "networks": sum(study["network"].nunique() for study in studies),
    }


def _by_the_test(studies: Sequence[pd.DataFrame], classes: int) -> dict[str, float | None]:
    """Shares of planted classes that are significant, and of those without a factor that are; None without a test."""
    tests = [pd.DataFrame([significant(one) for one in _networks(study)]).astype("Float64") for study in studies]
    if any(test["significant"].isna().any() for test in tests):
        return dict.fromkeys(["significant", "false alarms", "alarms low", "alarms high", "controls"], None)
    # A class counts once, by its mean over the seeds.
    sure, alarms, controls = pd.concat([test.mean() for test in tests], axis=1).sum(axis=1)[
        ["significant", "false alarms", "controls"]
    ]
    share = alarms / controls if controls else float("nan")
    low, high = of_share(share, controls)
    named = {"significant": sure / classes if classes else float("nan"), "false alarms": share}
    return {**named, "alarms low": low, "alarms high": high, "controls": controls}


def _networks(study: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for _, ranks in study.groupby("network", sort=False):
        yield ranks


def confusion(ranks: pd.DataFrame) -> pd.DataFrame:
    """How often each operation is the best one in classes of each planted factor."""
    best = ranks[ranks["rank"] == 1]
    keys = [*KEYS, "factor", "operation", "planted"]
    table = best.groupby(keys, sort=False).size().rename("classes").reset_index()
    return table.assign(ranking=table["ranking"].map(RANKING_NAMES))


if __name__ == "__main__":
    run(compare_calibrations)
