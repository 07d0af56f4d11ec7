"""The images behind the numbers: what the models saw, and the pairs whose embeddings change least and most."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workflow_scripts.common.files import read_table
from workflow_scripts.results.page import media
from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.wording import amount, count, fixed

# More models, and images of more bytes together, stay in the table.
MOST_MODELS = 6
MOST_BYTES = 1_000_000
WORDS = {"most": "Changes least", "least": "Changes most"}
VIEWS = {"x": "the image", "t(x)": "the image, transformed", "t(x')": "another image, transformed"}


@dataclass(frozen=True)
class Image:
    """One image with what stands below it."""

    picture: media.Picture
    alternative: str
    below: str


@dataclass(frozen=True)
class Pair:
    """A pair of images: x, t(x) and t(x')."""

    images: list[Image]
    words: str


@dataclass(frozen=True)
class Examples:
    """What is shown of one transformation."""

    title: str
    of: str
    """Whose image the series shows, in words."""
    series: list[Image]
    at: str
    """The magnitude of the pairs."""
    pairs: list[Pair]


@dataclass(frozen=True)
class Shown:
    """All examples, and what is left out."""

    examples: list[Examples]
    note: str


def examples(behind: Behind) -> Shown:
    """The images of the table of examples, by transformation; none where the study has no such table."""
    if behind.examples is None:
        return Shown([], "")
    table = read_table(behind.examples)
    names = [name for name in behind.study.models if name in set(table["model"])]
    kept = _as_many_as_fit(table, names)
    left = len(names) - len(kept)
    note = f"Pairs of {count(left, 'more model')} are in {behind.examples.name}." if left else ""
    rows = table[table["model"].isin(kept) | (table["example"] == "series")]
    return Shown(
        [_of(str(name), each, behind, kept) for name, each in rows.groupby("transformation", sort=False)], note
    )


def _as_many_as_fit(table: pd.DataFrame, names: list[str]) -> list[str]:
    """The first models whose images are few enough together."""
    sizes = table["webp"].map(len).groupby(table["model"]).sum()
    room = sizes[names].cumsum() <= MOST_BYTES
    return [name for name in names[:MOST_MODELS] if room[name]]


def _of(name: str, rows: pd.DataFrame, behind: Behind, models: Iterable[str]) -> Examples:
    title = behind.title(name)
    series = rows[rows["example"] == "series"]
    pairs = [
        _pair(words, found, behind, title)
        for model in models
        for example, words in WORDS.items()
        if len(found := rows[(rows["model"] == model) & (rows["example"] == example)])
    ]
    of = behind.labels[str(series["model"].iloc[0])] if len(series) else ""
    others = rows[rows["example"] != "series"].to_dict("records")
    at = _strength(others[0]) if others else ""
    return Examples(title, of, [_step(row, title) for row in series.to_dict("records")], at, pairs)


def _strength(row: dict[Any, Any]) -> str:
    """A magnitude in its unit; its number where there is none."""
    return f"magnitude {row['magnitude']}" if pd.isna(row["value"]) else amount(row["value"], row["unit"])


def _step(row: dict[Any, Any], title: str) -> Image:
    strength = _strength(row)
    return Image(
        media.encoded(row["webp"]),
        f"image {row['image']} after {title} by {strength}",
        f"{strength}: {fixed(row['invariance'])}",
    )


def _pair(words: str, rows: pd.DataFrame, behind: Behind, title: str) -> Pair:
    first = rows.iloc[0]
    images = [
        Image(media.encoded(row["webp"]), f"image {row['image']}: {VIEWS[row['view']]} ({title})", row["view"])
        for row in rows.to_dict("records")
    ]
    moved = f"the transformation moves the embedding by {fixed(first['distance'], 3)}"
    other = f"another image, transformed, lies at {fixed(first['baseline'], 3)}"
    label = behind.labels[str(first["model"])]
    return Pair(images, f"{words} ({label}): invariance {fixed(first['invariance'])}; {moved}, {other}.")
