"""Rule `table_claims`: findings of the papers, tested on the study's data and models (ours)."""

from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.crossed import Estimate, Unit, estimate
from workflow_scripts.common.files import read_table
from workflow_scripts.metrics.answer import read_levels
from workflow_scripts.metrics.claim_tests import TRANSLATION
from workflow_scripts.metrics.claims import verdicts
from workflow_scripts.metrics.evidence import Facts
from workflow_scripts.metrics.rankings import mean_search
from workflow_scripts.metrics.settings import Ladder
from workflow_scripts.results.tables.notes import origin
from workflow_scripts.results.tables.writing import write_table_files
from workflow_scripts.training.predictions import Hits, diverged, read_hits

NOTE = (
    "Each claim is that the effect is above its bound. Supported: it is above; not supported: it is below; both at 5 % "
    "after Holm's correction over the claims that can be tested here; undecided: neither. Low and high: 95 % interval "
    "of the effect alone. A verdict is about the models and images of this study."
)
COLUMNS = {
    "claim": "claim",
    "says": "what it says",
    "source": "source",
    "verdict": "verdict",
    "statistic": "effect is",
    "effect": "effect",
    "low": "low",
    "high": "high",
    "bound": "bound",
    "p": "p",
    "p_holm": "p (Holm)",
    "n": "n",
    "missing": "what is missing",
}


def table_claims(
    *,
    tables: dict[str, list[Path]],
    runs: dict[str, list[Path]],
    searches: list[Path],
    abouts: list[Path],
    summaries: list[Path],
    equivariances: dict[str, list[Path]],
    intervention: list[Path],
    wordnet: list[Path],
    layers: list[Path],
    seeds: dict[str, list[int]],
    training_seeds: list[int],
    ladders: dict[str, Ladder],
    kinds: dict[str, str],
    untrained: dict[str, str],
    magnitudes: list[int],
    output: Path,
) -> None:
    """Write `output`.csv and .md: every claim with its effect, interval, p, n and verdict, or with what is missing.

    `tables` are invariances per pair of the models of `ladders`, one of each of their `seeds`; `runs` trainings of
    `training_seeds`, per method. Claims of the similarity search are tested on the mean scores of `searches`, one per
    seed of a model. `abouts` and `summaries` are tables of Lie derivatives, and `layers` of layers; `equivariances` are
    summaries of equivariance of untrained models, one of each of their seeds, and `untrained` tells the kinds of their
    architectures. `intervention` and `wordnet` are tables of the rules of these names, or empty.
    """
    levels, pairs = read_levels(tables, seeds, ladders) if tables else ({}, {})
    hits = {method: _hits(folders, training_seeds) for method, folders in runs.items()}
    known = {method: found for method, found in hits.items() if found}
    facts = Facts(
        top1={method: _top1(found) for method, found in known.items()},
        classes={method: _of_classes(found) for method, found in known.items()},
        levels=levels,
        pairs=pairs,
        magnitudes=magnitudes,
        kinds=kinds,
        search=mean_search(searches) if searches else None,
        errors=_errors(abouts, summaries),
        equivariances=_equivariances(equivariances, untrained, magnitudes),
        intervention=read_table(intervention[0]) if intervention else None,
        wordnet=read_table(wordnet[0]) if wordnet else None,
        layers=_layers(layers),
    )
    table = verdicts(facts)
    note = f"{NOTE} {origin()}".strip()
    write_table_files(table=table[list(COLUMNS)].rename(columns=COLUMNS), output=output, digits=3, note=note)


def _hits(folders: list[Path], seeds: list[int]) -> tuple[Hits, list[Unit]] | None:
    """Right answers of the trainings of a method that have not diverged, with their seeds; None where there is none."""
    sound = [(folder, seed) for folder, seed in zip(folders, seeds, strict=True) if not diverged(folder)]
    return (read_hits([folder for folder, _ in sound]), [("training", seed) for _, seed in sound]) if sound else None


def _top1(found: tuple[Hits, list[Unit]], chosen: np.ndarray | None = None) -> Estimate:
    """Top-1 in percent over images, all or those `chosen`, and over seeds."""
    hit = found[0].hit if chosen is None else found[0].hit[:, chosen]
    return estimate(100.0 * hit, np.arange(hit.shape[1]), None, found[1])


def _of_classes(found: tuple[Hits, list[Unit]]) -> list[Estimate]:
    """The same of each class."""
    labels = found[0].labels
    return [_top1(found, labels == label) for label in np.unique(labels)]


def _equivariances(
    summaries: dict[str, list[Path]], untrained: dict[str, str], magnitudes: list[int]
) -> pd.DataFrame | None:
    """Mean equivariance to translation of untrained networks, by the kind of their architecture."""
    rows = []
    for model, paths in summaries.items():
        for path in paths:
            table = read_table(path)
            own = table[table["transformation"].isin(TRANSLATION) & table["magnitude"].isin(magnitudes)]
            rows.append({"kind": untrained[model], "equivariance": own["mean"].mean()})
    return pd.DataFrame(rows) if rows else None


def _layers(tables: list[Path]) -> pd.DataFrame | None:
    """Shares of kinds of layers in the error of translation, by the papers' derivative."""
    if not tables:
        return None
    table = pd.concat([read_table(path) for path in tables], ignore_index=True)
    return table[(table["side"] == "authors") & table["transformation"].str.startswith("translation")]


def _errors(abouts: list[Path], summaries: list[Path]) -> pd.DataFrame | None:
    """Top-1 and squared local equivariance error per model: the mean over transformations, relative to all models'."""
    if not abouts:
        return None
    models = pd.concat([read_table(path) for path in abouts], ignore_index=True).set_index("model")
    errors = pd.concat([read_table(path) for path in summaries], ignore_index=True)
    chosen = errors[
        (errors["measure"] == "lie_squared") & (errors["classes"] == "model") & (errors["parameter_unit"] != "pixel")
    ]
    # The claim is of the paper's derivative; what has no sides is the same from both.
    chosen = chosen[chosen["side"].isna() | (chosen["side"] == "authors")]
    wide = chosen.pivot(index="model", columns="transformation", values="mean").map(np.log)
    relative = (wide - wide.mean()).mean(axis=1)
    return pd.DataFrame({"top1": models["top1"], "error": relative})


if __name__ == "__main__":
    run(table_claims)
