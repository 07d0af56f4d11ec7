"""Rule `table_answer`: what architecture, data and augmentation give (ours)."""

from pathlib import Path

import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table
from workflow_scripts.common.text import as_markdown
from workflow_scripts.metrics.answer import ALL
from workflow_scripts.metrics.contrasts import untold
from workflow_scripts.metrics.settings import Ladder
from workflow_scripts.results.tables.notes import origin
from workflow_scripts.results.tables.writing import write_table_files

NOTE = (
    "Invariance: mean over pairs of (b - d) / b, clipped at -1, then over magnitudes and seeds. Low and high: 95 % "
    "interval over what the table says; pairs share images, so images count and not pairs. p (Holm) is adjusted for "
    "the transformations of a row's kind, or for its families. Baseline: least mean cosine distance of random images; "
    "a row is nearly constant if that is below the study's threshold: its invariance is then a ratio of small numbers."
)
NAMES = {
    "ladder": "architecture",
    "quantity": "adds",
    "reference": "minus that of",
    "effect": "effect",
    "effect_low": "low",
    "effect_high": "high",
    "p_holm": "p (Holm)",
    "level": "invariance",
    "level_low": "invariance low",
    "level_high": "invariance high",
    "interval_over": "interval over",
    "nearly_constant": "nearly constant",
}
LADDER = ["ladder", "family", "transformation", "quantity"]
EFFECT = ["effect", "effect_low", "effect_high", "p", "p_holm"]
LEVEL = ["level", "level_low", "level_high"]
ABOUT = ["models", "seeds", "images", "pairs", "interval_over", "baseline", "nearly_constant"]


def table_answer(*, answer: Path, ladders: dict[str, Ladder], titles: dict[str, str], output: Path) -> None:
    """Write `output`, a row per step of a ladder, `output`_contrasts, and `output`_magnitudes with both per magnitude.

    `answer` is the table of the rule of that name; `titles` are the names of transformations for readers.
    """
    table = read_table(answer)
    table["transformation"] = table["transformation"].map({**titles, ALL: "all"})
    over_magnitudes = table[table["magnitude"].isna()]
    of_ladders = over_magnitudes["part"] == "ladder"
    missing = "".join(f" {as_markdown(sentence[0].upper() + sentence[1:])}." for sentence in untold(ladders))
    note = f"{NOTE}{missing} {origin()}".strip()
    contrast = ["quantity", "ladder", "reference", "family", "transformation"]
    parts = {
        "": over_magnitudes.loc[of_ladders, [*LADDER, *EFFECT, *LEVEL, *ABOUT]].rename(columns=NAMES),
        "_contrasts": _contrasts(over_magnitudes.loc[~of_ladders, [*contrast, *EFFECT, *ABOUT]]),
        "_magnitudes": _contrasts(
            table.loc[table["magnitude"].notna(), ["part", *contrast, "magnitude", *EFFECT, *LEVEL, *ABOUT]]
        ).astype({"magnitude": int}),
    }
    for part, frame in parts.items():
        write_table_files(table=frame, output=output.with_name(output.name + part), digits=3, note=note)


def _contrasts(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns={**NAMES, "quantity": "contrast"})


if __name__ == "__main__":
    run(table_answer)
