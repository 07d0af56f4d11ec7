"""Rule `table_claims`: findings of the papers, tested on the study's data and models (ours)."""

from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.crossed import Estimate, estimate
from workflow_scripts.common.files import read_table
from workflow_scripts.metrics.answer import read_levels
from workflow_scripts.metrics.claims import Facts, verdicts
from workflow_scripts.metrics.settings import Ladder
from workflow_scripts.results.tables.notes import origin
from workflow_scripts.results.tables.writing import write_table_files
from workflow_scripts.training.predictions import diverged, read_hits

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
    seeds: dict[str, list[int]],
    training_seeds: list[int],
    ladders: dict[str, Ladder],
    kinds: dict[str, str],
    magnitudes: list[int],
    output: Path,
) -> None:
    """Write `output`.csv and .md: every claim with its effect, interval, p, n and verdict, or with what is missing.

    `tables` are invariances per pair of the models of `ladders`, one of each of their `seeds`; `runs` trainings of
    `training_seeds`, per method. Claims of the similarity search are tested on the first of `searches`. `abouts` and
    `summaries` are tables of Lie derivatives.
    """
    levels, pairs = read_levels(tables, seeds, ladders) if tables else ({}, np.zeros((2, 0), dtype=np.int64))
    facts = Facts(
        top1={method: found for method, folders in runs.items() if (found := _top1(folders, training_seeds))},
        levels=levels,
        pairs=pairs,
        magnitudes=magnitudes,
        kinds=kinds,
        search=read_table(searches[0]) if searches else None,
        errors=_errors(abouts, summaries),
    )
    table = verdicts(facts)
    note = f"{NOTE} {origin()}".strip()
    write_table_files(table=table[list(COLUMNS)].rename(columns=COLUMNS), output=output, digits=3, note=note)


def _top1(folders: list[Path], seeds: list[int]) -> Estimate | None:
    """Top-1 in percent over images and seeds, diverged trainings left out; None where all have diverged."""
    sound = [(folder, seed) for folder, seed in zip(folders, seeds, strict=True) if not diverged(folder)]
    if not sound:
        return None
    hits = read_hits([folder for folder, _ in sound])
    units = [("training", seed) for _, seed in sound]
    return estimate(100.0 * hits.hit, np.arange(len(hits.ids)), None, units)


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
