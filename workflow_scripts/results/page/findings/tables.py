"""Tables of the similarity search, of calibration, models and foregrounds in words."""

import pandas as pd

from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.findings.picks import Row, largest, records
from workflow_scripts.results.page.findings.registry import Data, finding
from workflow_scripts.results.page.intervals import of_mean, of_share
from workflow_scripts.results.page.wording import (
    count,
    fixed,
    interval,
    listed,
    percent,
    probability,
    some,
    whole,
    with_interval,
)

LEVEL = 0.05
# Classes that a sentence names.
MOST_NAMED = 8
FAMILIES = ("appearance", "geometric", "mixed", "identity")


@finding("table_calibration", columns="model, ranking, relative, found, classes, by chance, p")
def planted(data: Data, _behind: Behind) -> list[str]:
    """How many planted factors are found, against chance, by the best and the worst ranking of each model."""
    said = []
    for model, rows in data[""].groupby("model", sort=False):
        ordered = rows.sort_values("found", ascending=False)
        first, last = ordered.iloc[0], ordered.iloc[-1]
        said.append(f"{model}: {_found(first)}{f'; {_found(last)}' if len(ordered) > 1 else ''}.")
    return [*said, "In brackets: 95 % intervals of the share (Wilson), with classes as trials."]


def _found(row: Row) -> str:
    low, high = of_share(row["found"] / row["classes"], row["classes"]) if row["classes"] else (float("nan"),) * 2
    relative = ", relative to other classes" if row["relative"] else ""
    return (
        f"by {row['ranking']}{relative}, {whole(row['found'])} of {whole(row['classes'])} planted factors are found "
        f"({percent(row['found'] / row['classes'] if row['classes'] else float('nan'))} "
        f"{interval(100 * low, 100 * high, 0)}; by chance {fixed(row['by chance'], 1)}, {probability(row['p'])})"
    )


@finding("figure_calibration", columns="model, rank, ranking, relative, name, planted")
def ranks(data: Data, behind: Behind) -> list[str]:
    """In how many classes the best operation is a planted one."""
    table = data[""]
    said = []
    for (model, by, relative), rows in table.groupby(["model", "ranking", "relative"], sort=False):
        with_factor = rows.groupby("name")["planted"].transform("any")
        classes = rows.loc[with_factor, "name"].nunique()
        found = rows[(rows["rank"] == 1) & rows["planted"]]["name"].nunique()
        low, high = of_share(found / classes, classes) if classes else (float("nan"), float("nan"))
        said.append(
            f"{behind.label(model)}, by {str(by).replace('_', ' ')}"
            f"{', relative to other classes' if relative else ''}: the best operation is the planted one in {found} of "
            f"{count(classes, 'class', 'classes')} ({interval(100 * low, 100 * high, 0)} %)."
        )
    return [*said, "In brackets: 95 % intervals of the share (Wilson), with classes as trials."]


@finding("table_closure", columns="model, class, operation, p_holm")
def varies(data: Data, _behind: Behind) -> list[str]:
    """In how many classes the best operation is beyond chance, and which operations these are."""
    said = []
    for model, rows in data[""].groupby("model", sort=False):
        sure = rows[rows["p_holm"] < LEVEL]
        named = [f"{row['class']} ({row['operation']})" for row in records(sure)]
        known = f": {listed(named[:MOST_NAMED])}{' and others' if len(named) > MOST_NAMED else ''}" if named else ""
        said.append(f"{model}: beyond chance in {len(sure)} of {count(len(rows), 'class', 'classes')}{known}.")
    return [*said, "Beyond chance: p below 0.05 after Holm's correction over classes."]


@finding("table_datasets", columns="data set, method, top-1 (%), n")
def of_each_data_set(data: Data, _behind: Behind) -> list[str]:
    """The best training of each data set."""
    said = []
    for name, rows in data[""].dropna(subset="top-1 (%)").groupby("data set", sort=False):
        best = largest(rows, "top-1 (%)")
        said.append(
            f"{name}: {best['method']} is best of {count(len(rows), 'training')} with {fixed(best['top-1 (%)'], 1)} % "
            f"top-1 ({count(best['n'], 'seed')})."
        )
    return said or ["No training has a top-1."]


@finding("table_families", columns="model, transformations, ranking, classes, appearance, appearance in the pool")
def families(data: Data, _behind: Behind) -> list[str]:
    """The family that most of the best transformations belong to, against its share of the pool."""
    said = []
    for row in records(data[""]):
        shares = {name: row[name] for name in FAMILIES if name in row}
        top = max(shares, key=shares.__getitem__)
        low, high = of_share(row[top], row["classes"])
        pool = row[f"{top} in the pool"]
        word = "more" if low > pool else "less" if high < pool else "not certainly more or less"
        said.append(
            f"{row['model']}, {row['transformations']}, by {row['ranking']}: the best transformation is of the family "
            f"{top} in {percent(row[top])} of {whole(row['classes'])} classes {interval(100 * low, 100 * high, 0)}, "
            f"{word} than by chance ({percent(pool)})."
        )
    return said


@finding("table_weighted_boost", columns="model, class, transformation, weighted boost (%)")
def boosts(data: Data, behind: Behind) -> list[str]:
    """The largest weighted boost of each model."""
    said = []
    for model, rows in data[""].groupby("model", sort=False):
        top = largest(rows, "weighted boost (%)")
        sem = top.get("SEM (%)", float("nan"))
        mean = with_interval(top["mean change (%)"], *of_mean(top["mean change (%)"], sem, top["n"]), 1, " %")
        said.append(
            f"{model}: the largest weighted boost is that of {behind.title(top['transformation'])} in {top['class']}, "
            f"{fixed(top['weighted boost (%)'], 1)} %; it raises {percent(top['proportion boosted'])} of "
            f"{count(top['n'], 'pair')}, and the mean change over all of them is {mean}."
        )
    return said


@finding("table_models", columns="model, source, architecture, weights")
def models(data: Data, _behind: Behind) -> list[str]:
    """How many models there are, and of which kinds."""
    table = data[""]
    named = [f"{row['model']} ({row['architecture']}, {row['source']})" for row in records(table)]
    said = f"{count(len(table), 'model')}: {some(named, 6)}."
    failed = table["not built because"].notna().sum() if "not built because" in table else 0
    return [said, f"{count(failed, 'model')} could not be built; the table says why."] if failed else [said]


@finding("table_foregrounds", columns="class, images, without foreground, area, center x, center y")
def foregrounds(data: Data, _behind: Behind) -> list[str]:
    """Where foregrounds are over all images."""
    row = data[""].iloc[0]
    said = (
        f"Of {count(row['images'], 'image')}, {whole(row['without foreground'])} have no foreground. The median centre "
        f"of the others is at {percent(row['center x'])} of the width (quartiles {_quartiles(row, 'center x')}) and "
        f"{percent(row['center y'])} of the height ({_quartiles(row, 'center y')}); the median area is "
        f"{percent(row['area'])} of the frame ({_quartiles(row, 'area')})."
    )
    agreement = row.get("median IoU", float("nan"))
    return [said] if pd.isna(agreement) else [said, f"Found and true boxes overlap by {fixed(agreement)} (median IoU)."]


def _quartiles(row: Row, name: str) -> str:
    low, high = row.get(f"{name} q1", float("nan")), row.get(f"{name} q3", float("nan"))
    return f"{percent(low)} to {percent(high)}"


@finding("table_per_class_augmentation", columns="method, top-1 (%), difference (points), SEM of difference (points)")
def per_class(data: Data, _behind: Behind) -> list[str]:
    """What transformations of its own for each class are worth."""
    said = []
    for _, row in data[""].dropna(subset="difference (points)").iterrows():
        difference = row["difference (points)"]
        low, high = of_mean(difference, row["SEM of difference (points)"], row["n"])
        unsure = pd.isna(low) or low <= 0 <= high
        word = "no difference shown" if unsure else "better" if difference > 0 else "worse"
        said.append(
            f"{row['method']} differs from the baseline by {with_interval(difference, low, high, 1, ' points')}: "
            f"{word} ({count(row['n'], 'seed')})."
        )
    return said or ["Every training with transformations per class diverged."]
