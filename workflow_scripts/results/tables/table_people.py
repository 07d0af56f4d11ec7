"""Rule `table_people`: the papers' rankings and ours against what people see (ours; ImageNet-X)."""

from pathlib import Path

import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.metrics.people_compared import COMPARED
from workflow_scripts.results.tables.notes import RANKING_NAMES, origin
from workflow_scripts.results.tables.writing import write_table_files

SOURCE = "Annotations: ImageNet-X (Idrissi et al., ICLR 2023)."
NOTE = (
    "rho: Spearman's correlation over classes of the operation's score (for the papers' rankings, of its best step) "
    "with the share of images in which people saw the factor, with its 95 % bootstrap interval. p: share of exchanges "
    "of the classes that give as high a rho; p_holm: the same with the number of pairs of the model and ranking taken "
    "into account. Ceiling: about the rho that a search with the true shares would reach. Elsewhere: mean rho of the "
    "factor with the operations that it is not compared with."
)
IMAGES_NOTE = (
    "Superiority: probability that an image that shows the factor gains more by the first direction, less what it "
    "gains by the opposite one, than an image of its class that does not (0.5: chance). p: van Elteren's test, "
    "exchanges within classes, one-sided; p_holm: the same with the number of factors taken into account. Images are "
    "those of the search that people annotated. No rows if there are none, or without similarity_search.closure."
)
FACTORS_NOTE = (
    "Share: of the annotated images. Reliability: of the shares of classes, from halves of their images (Spearman and "
    "Brown). Ceiling: its square root."
)


def table_people(
    *, over_classes: list[Path], by_images: list[Path], factors: list[Path], labels: dict[str, str], output: Path
) -> None:
    """Write `output`.csv and .md, a row per model, factor, operation that it is compared with, and ranking.

    `output`_images and `output`_factors are further tables. `over_classes`, `by_images` and `factors` are the tables of
    the rule `people`, one each per model; `labels` are the models' names.
    """
    known = _read(factors)
    agreement = compared(_read(over_classes), known)
    _write(_labelled(agreement, labels), output, NOTE)
    images = _read(by_images).rename(columns={"annotated": "factor", "shown_images": "with the factor"})
    names = ["model", "factor", "toward", "away", "superiority", "p", "p_holm", "n", "with the factor", "strata"]
    images = _labelled(images[names].rename(columns={"strata": "classes"}), labels)
    _write(images, _part(output, "_images"), IMAGES_NOTE)
    _write(_in_words(known), _part(output, "_factors"), FACTORS_NOTE)


def compared(agreement: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """The pairs that are compared, the same before the related ones; rows of the three rankings follow each other."""
    table = agreement[agreement["compared"] != "none"].merge(known[["model", "annotated", "ceiling"]])
    places = pd.DataFrame(
        {
            "model": pd.factorize(table["model"])[0],
            "how": table["compared"].eq("related"),
            "factor": table["annotated"].map({name: place for place, name in enumerate(COMPARED)}),
            "operation": table["operation"],
            "ranking": table["ranking"].map({name: place for place, name in enumerate(RANKING_NAMES)}),
        }
    )
    table = table.loc[places.sort_values(places.columns.tolist()).index].assign(
        factor=table["annotated"].str.replace("_", " "), ranking=table["ranking"].map(RANKING_NAMES)
    )
    names = {"rho_low": "low", "rho_high": "high", "rho_elsewhere": "elsewhere", "n": "classes"}
    columns = ["model", "factor", "operation", "compared", "ranking", "rho", *names, "p", "p_holm", "ceiling", "images"]
    return table[columns].rename(columns=names)


def _in_words(known: pd.DataFrame) -> pd.DataFrame:
    """What is known of each factor, the same for all models, and why it can be compared or not."""
    table = known.drop_duplicates("annotated").rename(columns={"prevalence": "share", "n": "classes"})
    of = [COMPARED[name] for name in table["annotated"]]
    return pd.DataFrame(
        {
            "factor": table["annotated"].str.replace("_", " "),
            **{name: table[name] for name in ("share", "reliability", "ceiling", "classes", "images")},
            "compared with": [", ".join(one.operations) or "nothing" for one in of],
            "how": [one.how for one in of],
            "why": [one.why for one in of],
        }
    )


def _read(paths: list[Path]) -> pd.DataFrame:
    return pd.concat([read_table(path) for path in paths], ignore_index=True)


def _labelled(table: pd.DataFrame, labels: dict[str, str]) -> pd.DataFrame:
    return table.assign(model=table["model"].map(labels))


def _part(output: Path, ending: str) -> Path:
    return output.with_name(f"{output.name}{ending}")


def _write(table: pd.DataFrame, output: Path, note: str) -> None:
    write_table_files(table=table, output=output, digits=3, note=f"{note} {SOURCE} {origin()}".strip())


if __name__ == "__main__":
    run(table_people)
