"""The search against people: classes in which both agree, disagree, or have nothing to do with each other."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from tests.unit.annotated import WNIDS, index_of, install, said, val_name
from tests.unit.searches import search_table
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.permutations import MOST, orders
from workflow_scripts.data.annotations import FACTORS, annotations
from workflow_scripts.embeddings.closure_sweep import MEASURES, Points, measure
from workflow_scripts.metrics.closure import closure
from workflow_scripts.metrics.people import Prevalence, agreement_over_classes, people, prevalence_of, share_as_high
from workflow_scripts.metrics.people_compared import COMPARED, TOWARD
from workflow_scripts.metrics.people_images import DIRECTIONS, by_image, steps_toward, van_elteren
from workflow_scripts.results.figures.figure_people import figure_people
from workflow_scripts.results.tables.table_people import table_people
from workflow_scripts.transformations.bank_b import BANK_B
from workflow_scripts.transformations.operations_wide import WIDE_TRANSFORMATIONS
from workflow_scripts.transformations.wide import OPERATIONS, WIDE

CLASSES, IMAGES, DIMENSIONS = 14, 24, 24
STEPS = ["rescale@0.6", "rescale@1.6", "color@-0.5", "color@0.5", "rotate@-30", "rotate@30"]
AXES = {"rescale": 0, "color": 1, "rotate": 2}
SMALL = 0.3
"""From how far on the side of small things people call an image smaller."""


class World:
    """Classes whose images vary in size: the first not at all, the last most. Zooming in moves them along one axis."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, see: str, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.folder = folder
        self.strength = np.linspace(0, 1, CLASSES)
        labels = np.repeat(np.arange(CLASSES), IMAGES)
        sizes = rng.uniform(-1, 1, len(labels)) * self.strength[labels]
        order: Any = {"agree": slice(None), "disagree": slice(None, None, -1), "unrelated": rng.permutation(CLASSES)}[
            see
        ]
        # Of which class people say what the sizes of this class would make them say.
        seen = sizes.reshape(CLASSES, IMAGES)[order].ravel() < -SMALL
        rows = [
            said(val_name(number), label, ["smaller"] if small else [])
            for number, (label, small) in enumerate(zip(labels.tolist(), seen, strict=True))
        ]
        install(folder / "site", monkeypatch, rows)
        paths = [f"val/{WNIDS[label]}/{val_name(number)}" for number, label in enumerate(labels.tolist())]
        write_table(folder / "index.parquet", index_of(paths, labels.tolist()))
        self._sweep(labels, sizes, rng)
        self._search()

    def _sweep(self, labels: np.ndarray, sizes: np.ndarray, rng: np.random.Generator) -> None:
        parts = []
        for label in range(CLASSES):
            mine = labels == label
            base = rng.normal(0, 0.15, (IMAGES, DIMENSIONS)) + 4 * np.eye(DIMENSIONS)[5 + label]
            base[:, 0] += sizes[mine]
            moved = np.repeat(base[None], len(STEPS), axis=0)
            for place, step in enumerate(STEPS):
                up = step in ("rescale@1.6", "color@0.5", "rotate@30")
                moved[place, :, AXES[step.partition("@")[0]]] += 0.6 if up else -0.6
            measured = measure(Points(base, moved), 0)
            for place, step in enumerate(STEPS):
                columns = {name: measured[at, place] for at, name in enumerate(MEASURES)}
                about = {"label": label, "id": np.flatnonzero(mine), "layer": "embedding", "transformation": step}
                parts.append(pd.DataFrame({**about, **columns}))
        write_table(self.folder / "sweep.parquet", pd.concat(parts, ignore_index=True))

    def _search(self) -> None:
        def change(described: pd.DataFrame, label: int, _half: str) -> np.ndarray:
            zoomed = described["transformation"].str.startswith("rescale 8").to_numpy()
            noise = np.random.default_rng(label).normal(0, 0.01, len(described))
            return np.where(zoomed, 5 * self.strength[label], 0.0) + noise

        table = search_table(CLASSES, change, wnids=[*WNIDS[:CLASSES]])
        write_table(self.folder / "search.parquet", table)
        write_table(self.folder / "pairs.parquet", table.drop_duplicates("label")[["label", "class", "name", "wnid"]])

    def run(self, *, ours: bool = True) -> dict[str, pd.DataFrame]:
        """The tables `over_classes`, `by_images` and `factors`, by the steps' own functions."""
        places = {name: self.folder / f"{name}.parquet" for name in ("over_classes", "by_images", "factors")}
        annotations(index=self.folder / "index.parquet", output=self.folder / "annotations.parquet")
        optional: dict[str, Any] = {}
        if ours:
            sweeps, best = [self.folder / "sweep.parquet"], self.folder / "closure.parquet"
            pairs, shared = self.folder / "pairs.parquet", self.folder / "shared.parquet"
            closure(model="resnet", sweeps=sweeps, pairs=pairs, seed=0, output=best, shared=shared)
            optional = {"closure": best, "sweeps": sweeps}
        search = self.folder / "search.parquet"
        known = self.folder / "annotations.parquet"
        people(model="resnet", annotations=known, search=search, seed=0, **{**optional, **places})
        return {name: read_table(path) for name, path in places.items()}


def zoomed(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `smaller` and `rescale`, by ranking."""
    return table[(table["annotated"] == "smaller") & (table["operation"] == "rescale")].set_index("ranking")


def test_agreement_is_found_by_every_ranking_and_by_image_and_is_drawn(tmp_path, monkeypatch):
    world = World(tmp_path, monkeypatch, "agree")
    tables = world.run()
    found = zoomed(tables["over_classes"])
    assert set(found.index) == {"mean_change", "weighted_boost", "closure"}
    assert (found["rho"] > 0.8).all()
    assert (found["p_holm"] < 0.01).all()
    assert ((found["rho_low"] < found["rho"]) & (found["rho"] <= found["rho_high"])).all()
    assert (found["n"] == CLASSES).all()
    assert (found["images"] == CLASSES * IMAGES).all()
    # Nobody named a colour, so nothing can agree with it.
    others = tables["over_classes"][tables["over_classes"]["annotated"] == "color"]
    assert others["rho"].isna().all()
    (image,) = tables["by_images"].to_dict("records")
    assert (image["annotated"], image["toward"]) == ("smaller", "zoom in")
    assert image["superiority"] > 0.8
    assert image["p_holm"] < 0.001
    known = tables["factors"].set_index("annotated").loc["smaller"]
    assert 0.5 < known["reliability"] < 1
    assert known["ceiling"] == pytest.approx(known["reliability"] ** 0.5)

    # Two models with one label each; the words come from the same files.
    paths = {name: [tmp_path / f"{name}.parquet"] for name in tables}
    table_people(**paths, labels={"resnet": "A | ResNet"}, output=tmp_path / "table")
    written = pd.read_csv(tmp_path / "table.csv")
    side_by_side = written[(written["factor"] == "smaller") & (written["operation"] == "rescale")]
    assert side_by_side["ranking"].tolist() == ["mean change", "weighted boost", "closure (ours)"]
    assert written["compared"].drop_duplicates().tolist() == ["same", "related"]
    assert len(pd.read_csv(tmp_path / "table_images.csv")) == 1
    words = pd.read_csv(tmp_path / "table_factors.csv").set_index("factor")
    assert words.index.tolist() == [name.replace("_", " ") for name in FACTORS]
    assert "not rotation" in str(words.loc["pose", "why"])
    assert words.loc["background", "compared with"] == "nothing"
    figure_people(
        over_classes=tmp_path / "over_classes.parquet",
        factors=tmp_path / "factors.parquet",
        label="ResNet",
        output=tmp_path / "figure",
    )
    drawn = pd.read_csv(tmp_path / "figure.csv")
    assert len(drawn) == len(tables["over_classes"])
    assert (tmp_path / "figure.png").stat().st_size > 20_000


def test_disagreement_is_no_agreement(tmp_path, monkeypatch):
    tables = World(tmp_path, monkeypatch, "disagree").run()
    found = zoomed(tables["over_classes"])
    assert (found["rho"] < -0.8).all()
    assert (found["p"] > 0.99).all()


def test_without_our_search_there_are_the_papers_rankings_alone(tmp_path, monkeypatch):
    tables = World(tmp_path, monkeypatch, "unrelated").run(ours=False)
    assert set(tables["over_classes"]["ranking"]) == {"mean_change", "weighted_boost"}
    assert tables["by_images"].empty
    assert (zoomed(tables["over_classes"])["p_holm"] > 0.05).all()
    places = {name: [tmp_path / f"{name}.parquet"] for name in tables}
    table_people(**places, labels={"resnet": "ResNet"}, output=tmp_path / "table")
    assert (tmp_path / "table_images.md").read_text().startswith("| model")


# Chance


def made(classes: int, rng: np.random.Generator, images: int = 20) -> tuple[pd.DataFrame, Prevalence]:
    """Scores and shares of factors that have nothing to do with each other."""
    labels = pd.RangeIndex(classes, name="label")
    scored = pd.DataFrame(rng.normal(size=(classes, 2)), index=labels, columns=["rescale", "color"])
    shares = pd.DataFrame(rng.integers(images, size=(classes, len(FACTORS))) / images, labels, FACTORS)
    return scored, Prevalence(shares, pd.Series(images, labels), pd.Series(0.5, FACTORS))


@pytest.mark.parametrize("seed", range(3))
def test_p_is_that_of_all_exchanges_of_few_classes(seed):
    scored, prevalence = made(5, np.random.default_rng(seed))
    table = agreement_over_classes(scored, prevalence, seed).set_index(["annotated", "operation"])
    for factor, operation in (("smaller", "rescale"), ("color", "color")):
        x, y = prevalence.shares[factor].to_numpy(), scored[operation].to_numpy()
        rho = spearmanr(x, y).statistic
        exchanged = [spearmanr(x[list(order)], y).statistic for order in itertools.permutations(range(5))]
        row: Any = table.loc[[(factor, operation)]].iloc[0]
        assert row["rho"] == pytest.approx(rho)
        assert row["p"] == pytest.approx(np.mean(np.array(exchanged) >= rho - 1e-9))


def test_p_of_what_is_unrelated_is_uniform():
    rng = np.random.default_rng(0)
    ways = orders(12)
    p = np.array([share_as_high(rng.normal(size=12), rng.normal(size=12), ways) for _ in range(400)])
    assert p.mean() == pytest.approx(0.5, abs=0.05)
    assert (p < 0.1).mean() == pytest.approx(0.1, abs=0.05)
    assert (p > 0.9).mean() == pytest.approx(0.1, abs=0.05)
    assert p.min() >= 1 / MOST


def test_holm_counts_what_is_compared():
    table = agreement_over_classes(*made(7, np.random.default_rng(0)), 0)
    tested = table[table["compared"] != "none"]
    assert len(tested) == 4
    assert table["p"].notna().sum() == 4
    smallest = tested.sort_values("p").iloc[0]
    assert smallest["p_holm"] == pytest.approx(min(1, 4 * smallest["p"]))


def test_orders_are_all_or_drawn():
    few = orders(4)
    assert len({tuple(order) for order in few}) == len(few) == 24
    many = orders(30, 1)
    assert many.shape == (MOST, 30)
    assert (np.sort(many, axis=1) == np.arange(30)).all()
    assert few[0].tolist() == [0, 1, 2, 3]
    assert (many[0] == np.arange(30)).all()


def test_by_image_against_all_exchanges_within_classes():
    rng = np.random.default_rng(3)
    strata = [(rng.normal(size=n), np.arange(n) < marked) for n, marked in ((4, 2), (5, 1), (3, 2))]
    strata = [(values + 0.8 * shown, shown) for values, shown in strata]

    def statistic(choice: tuple[tuple[int, ...], ...]) -> float:
        ranks = [values.argsort().argsort() + 1 for values, _ in strata]
        return sum(rank[list(chosen)].sum() / (len(rank) + 1) for rank, chosen in zip(ranks, choice, strict=True))

    ways = itertools.product(*(itertools.combinations(range(len(v)), int(s.sum())) for v, s in strata))
    observed = statistic(tuple(tuple(np.flatnonzero(shown)) for _, shown in strata))
    exact = np.mean([statistic(way) >= observed - 1e-9 for way in ways])
    superiority, p = van_elteren(strata, 0)
    assert p == pytest.approx(exact, abs=0.02)
    pairs = [(a > b) for v, s in strata for a in v[s] for b in v[~s]]
    assert superiority == pytest.approx(np.mean(pairs))


def test_what_classes_are_like_does_not_count_by_image():
    """Images of one class are smaller and gain more; within the class nothing goes along."""
    labels = np.repeat(np.arange(10), 20)
    rng = np.random.default_rng(0)
    shown = rng.random(200) < np.where(labels < 5, 0.8, 0.1)
    known = pd.DataFrame(
        {"id": range(200), "label": labels, "partition": "val", "annotated": "smaller", "shown": shown}
    )
    contrasts = pd.DataFrame({TOWARD["smaller"]: np.where(labels < 5, 3.0, 0.0) + rng.normal(size=200)})
    (row,) = by_image(known, contrasts, 0).to_dict("records")
    assert row["superiority"] == pytest.approx(0.5, abs=0.12)
    assert row["p"] > 0.05
    assert row["strata"] <= 10
    assert row["shown_images"] == sum(
        shown[labels == label].sum() for label in range(10) if 0 < shown[labels == label].sum() < 20
    )


# What is compared


def test_every_factor_is_compared_with_operations_that_there_are_or_says_why_not():
    assert tuple(COMPARED) == FACTORS
    for one in COMPARED.values():
        assert set(one.operations) <= {*BANK_B, *OPERATIONS}
        assert one.why.endswith(".")
        assert (one.how == "none") == (not one.operations)


def test_directions_do_what_they_are_called():
    import torch

    thing = torch.full((1, 3, 60, 60), 100, dtype=torch.uint8)
    thing[..., 20:40, 20:40] = 200
    bright = {"zoom in": 1, "zoom out": -1, "brighten": 1, "darken": -1}
    for direction in DIRECTIONS:
        steps = steps_toward(direction, list(WIDE))
        assert steps
        for step in steps:
            moved = WIDE_TRANSFORMATIONS[step](thing, 0).float()
            if "zoom" in direction:
                larger = (moved > 150).sum() - (thing > 150).sum()
                assert np.sign(larger.item()) == bright[direction], step
            else:
                assert np.sign((moved.mean() - thing.float().mean()).item()) == bright[direction], step
    for factor, (toward, away) in TOWARD.items():
        assert {toward, away} <= set(DIRECTIONS)
        assert COMPARED[factor].how == "same"


# Shares


def test_shares_are_those_of_one_partition_and_of_classes_with_enough_images():
    def rows(label: int, partition: str, shown: list[bool], first: int) -> pd.DataFrame:
        parts = [
            pd.DataFrame({"id": first + np.arange(len(shown)), "annotated": name, "shown": shown}) for name in FACTORS
        ]
        return pd.concat(parts).assign(label=label, partition=partition)

    known = [
        rows(0, "val", [True] * 2 + [False] * 8, 0),
        rows(1, "val", [True] * 5, 20),
        rows(2, "val", [True] * 4, 30),
    ]
    known += [rows(0, "train", [True] * 9, 40), rows(2, "train", [True] * 5, 60)]
    prevalence = prevalence_of(pd.concat(known, ignore_index=True), 0)
    assert prevalence.shares["pose"].to_dict() == {0: 0.2, 1: 1.0}
    assert prevalence.images.to_dict() == {0: 10, 1: 5}
    assert prevalence.reliability.isna().all()


def test_reliability_is_that_of_the_sampling():
    """Shares that are all chance do not repeat; shares far apart do."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(60), 30)
    chance, apart = rng.random(1800) < 0.4, rng.random(1800) < np.linspace(0, 1, 60)[labels]
    parts = [
        pd.DataFrame({"annotated": name, "shown": apart if name == "pose" else chance}).assign(
            id=range(1800), label=labels, partition="val"
        )
        for name in FACTORS
    ]
    reliability = prevalence_of(pd.concat(parts, ignore_index=True), 0).reliability
    assert reliability["pose"] > 0.9
    assert reliability["style"] < 0.4


def test_too_few_annotated_images_are_one_sentence_and_too_few_classes_no_agreement(tmp_path, monkeypatch):
    def run(images: int, classes: int) -> pd.DataFrame:
        numbers = range(images * classes)
        with monkeypatch.context() as patch:
            site = tmp_path / f"site-{images}-{classes}"
            install(site, patch, [said(val_name(n), n % classes, ["smaller"][: n % 3]) for n in numbers])
            labels = [n % classes for n in numbers]
            write_table(tmp_path / "index.parquet", index_of([f"val/{val_name(n)}" for n in numbers], labels))
            annotations(index=tmp_path / "index.parquet", output=tmp_path / "known.parquet")
        write_table(
            tmp_path / "search.parquet",
            search_table(classes, lambda described, label, _: np.full(len(described), label)),
        )
        places = {name: tmp_path / f"{name}.parquet" for name in ("over_classes", "by_images", "factors")}
        people(model="m", annotations=tmp_path / "known.parquet", search=tmp_path / "search.parquet", seed=0, **places)
        return read_table(places["over_classes"])

    with pytest.raises(InputError, match="no class has 5 images that people annotated; take more"):
        run(images=4, classes=3)
    table = run(images=6, classes=2)
    assert table[["rho", "p", "p_holm"]].isna().all(axis=None)
    assert (table["n"] == 2).all()
