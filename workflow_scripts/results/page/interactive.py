"""A figure that the reader chooses from: invariance against magnitude, of any transformation and any models.

It is drawn by Vega-Lite (docs/targets.md says why), whose code comes out of the package vl-convert-python and becomes
part of the page.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd
import vl_convert

from workflow_scripts.results.catalogue.entry import PALETTE
from workflow_scripts.results.page.behind import Behind

# Figures with medians and quartiles per transformation, model and magnitude; the one with most is taken.
SOURCES = ("figure_a3", "figure_2")
# More models are hard to tell apart, and many boxes to tick.
MOST_MODELS = 12
# Lower end of the axis. What lies below it is drawn on it, and told with the point.
LOWEST = -0.5
DASHES = [[1, 0], [5, 2], [1, 2], [6, 2, 1, 2]]
SHAPES = ["circle", "square", "diamond", "triangle-down"]
COLUMNS = {"value": "magnitude", "unit": "unit", "p50": "median", "p25": "quartile", "p75": "upper", "seeds": "seeds"}
# Of the functions of Vega's own that read an expression, the one that needs no `eval`, which the page's policy forbids.
EMBEDDING = {"mode": "vega-lite", "ast": True, "renderer": "svg", "actions": False}
MAGNITUDE = {"field": "magnitude", "type": "quantitative", "title": "magnitude (its unit is told with a point)"}
QUARTILE = {"field": "quartile", "type": "quantitative", "scale": {"domain": [LOWEST, 1], "clamp": True}}
MEDIAN = {"field": "median", "type": "quantitative", "title": "invariance (median; bands: quartiles over pairs)"}


@dataclass(frozen=True)
class Interactive:
    """What the page's script draws."""

    content: str
    """The description of the figure and how it is embedded, as JSON without any `<`."""
    library: str
    """The code that draws it."""
    left_out: int
    """Number of the models that are in the static figure alone."""


def interactive(data: dict[str, pd.DataFrame], behind: Behind) -> Interactive | None:
    """The figure from the data of figures by name; None where a study draws none of those that it is made from."""
    found = next((data[name] for name in SOURCES if name in data and len(data[name])), None)
    if found is None:
        return None
    drawn = set(found["model"])
    models = [name for name in behind.study.models if name in drawn]
    shown = {name: behind.labels[name] for name in models[:MOST_MODELS]}
    rows = found[found["model"].isin(shown)].dropna(subset="value")
    described = {"figure": specification(rows, shown, behind), "embedding": EMBEDDING}
    content = json.dumps(described, allow_nan=False).replace("<", "\\u003c")
    return Interactive(content, library(), len(models) - len(shown))


@cache
def library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script")


def specification(rows: pd.DataFrame, labels: dict[str, str], behind: Behind) -> dict[str, Any]:
    """The figure in Vega-Lite's terms. Choices are elements of HTML, so that a keyboard reaches them."""
    titles = {name: behind.title(name) for name in dict.fromkeys(rows["transformation"])}
    places = {name: f"show_{number}" for number, name in enumerate(labels)}
    pairs, images = behind.pair_counts
    table = rows[["transformation", "model", *COLUMNS]].rename(columns=COLUMNS)
    table = table.assign(model=table["model"].map(labels), transformation=table["transformation"].map(titles))
    number = rows["model"].map(list(labels).index)
    values = table.assign(number=number, pairs=pairs, images=images).to_json(orient="records", double_precision=4)
    wanted = " || ".join(f"(datum.number === {place} && {name})" for place, name in enumerate(places.values()))
    chosen, names = list(dict.fromkeys(titles.values())), list(labels.values())
    return {
        "data": {"values": json.loads(values)},
        "params": [
            {"name": "transformation", "value": chosen[0], "bind": _choice(chosen)},
            *({"name": places[name], "value": True, "bind": _box(label)} for name, label in labels.items()),
        ],
        "transform": [{"filter": "datum.transformation === transformation"}, {"filter": wanted}],
        "width": "container",
        "height": 300,
        "background": "white",
        "encoding": {"x": MAGNITUDE, "y": QUARTILE, "color": _of_model(names, PALETTE)},
        "layer": [
            _layer({"type": "area", "opacity": 0.15, "aria": False}, y2={"field": "upper"}),
            _layer({"type": "line", "strokeWidth": 2, "aria": False}, y=MEDIAN, strokeDash=_of_model(names, DASHES)),
            _layer(
                {"type": "point", "filled": True, "size": 70, "opacity": 1},
                y=MEDIAN,
                shape=_of_model(names, SHAPES),
                tooltip=_hover(),
            ),
        ],
        "config": {"axis": {"labelFontSize": 12, "titleFontSize": 12}, "legend": {"labelFontSize": 12}},
    }


def _choice(titles: Sequence[str]) -> dict[str, Any]:
    return {"input": "select", "options": list(titles), "name": "Transformation "}


def _box(label: str) -> dict[str, Any]:
    return {"input": "checkbox", "name": f"{label} "}


def _layer(mark: dict[str, Any], **encoding: Any) -> dict[str, Any]:
    return {"mark": mark, "encoding": encoding}


def _of_model(labels: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """How models differ, in a legend that has those too which are not shown."""
    scale = {"domain": list(labels), "range": [values[place % len(values)] for place in range(len(labels))]}
    legend = {
        "title": None,
        "orient": "bottom",
        "columns": 1,
        "labelLimit": 0,
        "symbolStrokeWidth": 2,
        "symbolOpacity": 1,
    }
    return {"field": "model", "type": "nominal", "scale": scale, "legend": legend}


def _hover() -> list[dict[str, Any]]:
    numbers = {"median": "median invariance", "quartile": "lower quartile", "upper": "upper quartile"}
    return [
        {"field": "model", "title": "model"},
        {"field": "transformation", "title": "transformation"},
        {"field": "magnitude", "title": "magnitude", "type": "quantitative", "format": ".3~g"},
        {"field": "unit", "title": "unit"},
        *({"field": name, "title": title, "type": "quantitative", "format": ".3f"} for name, title in numbers.items()),
        {"field": "pairs", "title": "n (pairs of images)", "type": "quantitative"},
        {"field": "images", "title": "images in them", "type": "quantitative"},
        {"field": "seeds", "title": "seeds of the model", "type": "quantitative"},
    ]
