"""Images of a class get the class's transformations; which these are follows from the similarity search."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from tests.unit.per_class import write_transformations
from tests.unit.searches import search_table
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.randomness import item_generator
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.metrics.best_per_class import best_per_class
from workflow_scripts.training.augmentations import make
from workflow_scripts.training.batches import PlannedBatches, TrainingImages, make_plan, training_loader
from workflow_scripts.training.per_class import BY_NAME, ClassTransformations, read_class_transformations
from workflow_scripts.training.ranks import Ranks
from workflow_scripts.training.settings import PerClassAugmentation, augmentation_named
from workflow_scripts.transformations.composition import apply_steps
from workflow_scripts.transformations.settings import BankB

SEED = 7
SIZES = Preprocessing(resize=36, crop=32)
LISTS = {0: ["invert 4"], 2: ["rotate 8", "posterize 8", "shearX 5 + equalize 9"]}
ONE_RANK = Ranks(rank=0, world=1, device=torch.device("cpu"))
UNLIKELY = 1e-3


def transformations(probability: float = 1.0) -> ClassTransformations:
    of_class = {number: [BY_NAME[name] for name in names] for number, names in LISTS.items()}
    return ClassTransformations(of_class, probability, SEED)


def loaded(reader: ShardReader, transform: ClassTransformations | None, workers: int = 0, epochs: int = 2):
    """Images and labels of every batch, one under the other, and (epoch, row) of each."""
    plan = make_plan(len(reader), 10, SEED, 1, local_batch_norm=False)
    images = TrainingImages(reader, make(augmentation_named("standard"), SIZES), SEED, transform)
    batches = list(training_loader(images, PlannedBatches(plan, ONE_RANK, (0, 0), epochs), workers))
    keys = [key for batch in PlannedBatches(plan, ONE_RANK, (0, 0), epochs) for key in batch]
    return torch.cat([batch[0] for batch in batches]), torch.cat([batch[1] for batch in batches]), keys


def test_images_get_exactly_their_class_s_transformations(tiny_shards):
    """By brute force: each loaded image is the window that `standard` draws, of the decoded image under one of them."""
    reader = ShardReader(tiny_shards.train)
    plain, _, _ = loaded(reader, None)
    images, labels, keys = loaded(reader, transformations())
    standard, seen = make(augmentation_named("standard"), SIZES), set()
    for image, before, number, (epoch, row) in zip(images, plain, labels.tolist(), keys, strict=True):
        if number not in LISTS:
            assert torch.equal(image, before)
            continue
        possible = {}
        for name in LISTS[number]:
            for sign in (-1, 1):
                steps = BY_NAME[name]
                # None of these has two operations with a sign.
                signs = [np.array([sign], dtype=np.int8)] * len(steps)
                transformed = apply_steps(reader.image(row)[None], steps, signs)[0]
                possible[name, sign] = standard(transformed, item_generator(SEED, epoch, int(reader.ids[row])))
        found = {key for key, candidate in possible.items() if torch.equal(image, candidate)}
        assert len({name for name, _ in found}) == 1
        seen |= found
    # Both signs where there is one, and no difference where there is none.
    assert seen == {(name, sign) for names in LISTS.values() for name in names for sign in (-1, 1)}


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_no_image(workers, tiny_shards):
    reader = ShardReader(tiny_shards.train)
    assert torch.equal(loaded(reader, transformations(0.5), workers)[0], loaded(reader, transformations(0.5))[0])


def test_probability_and_choice_have_their_laws():
    chosen = transformations(0.3)
    draws = [chosen.draw(2, epoch, image) for epoch in range(4) for image in range(1000)]
    applied = [drawn for drawn in draws if drawn is not None]
    assert stats.binomtest(len(applied), len(draws), 0.3).pvalue > UNLIKELY
    assert stats.binomtest(len(applied), len(draws), 0.4).pvalue < UNLIKELY, "the test would not see a wrong law"
    names = [BY_NAME[name] for name in LISTS[2]]
    assert stats.chisquare([sum(drawn.steps == steps for drawn in applied) for steps in names]).pvalue > UNLIKELY
    rotated = np.concatenate([drawn.signs[0] for drawn in applied if drawn.steps == BY_NAME["rotate 8"]])
    assert stats.binomtest(int((rotated == 1).sum()), len(rotated)).pvalue > UNLIKELY
    assert set(rotated.tolist()) == {-1, 1}
    assert {drawn.signs[0] for drawn in applied if drawn.steps == BY_NAME["posterize 8"]} == {None}


def test_a_draw_depends_on_its_own_counters_only():
    chosen = transformations(0.5)
    assert chosen.draw(2, 1, 5) == chosen.draw(2, 1, 5)
    others = [chosen.draw(2, 1, image) for image in range(20)], [chosen.draw(2, 2, image) for image in range(20)]
    assert others[0] != others[1]
    assert chosen.draw(1, 1, 5) is None


def test_every_transformation_of_the_bank_can_be_read(tmp_path):
    path = write_transformations(tmp_path / "best.parquet", {3: list(BY_NAME)})
    read = read_class_transformations(path, 0.5, SEED)
    assert read.of_class == {3: list(BY_NAME.values())}
    assert len(BY_NAME) == 63 + 49 + 67


def test_an_unknown_transformation_is_one_sentence(tmp_path):
    path = write_transformations(tmp_path / "best.parquet", {3: ["rotate 8", "blur 2"]})
    with pytest.raises(InputError, match=r"best\.parquet: no bank has a transformation 'blur 2'; delete"):
        read_class_transformations(path, 0.5, SEED)


# Mean change and weighted boost of the transformations that stand out; all others hurt, each in its own way.
CHANGE = {
    0: {"rotate 9": (1.0, 9.0), "invert 4": (3.0, 2.0), "posterize 8": (-1.0, 30.0), "invert 4 + equalize 8": (7, 7)},
    1: {},
}


def searched(tmp_path: Path) -> Path:
    def score(column: int):
        def of(described: pd.DataFrame, label: int, half: str) -> np.ndarray:
            hurting = -50.0 - np.arange(len(described))
            known = [CHANGE[label].get(name) for name in described["transformation"]]
            # What the halves alone say is opposite.
            sign = 1 if half == "both" else -1
            return sign * np.array(
                [own[column] if own else other for own, other in zip(known, hurting, strict=True)], dtype=float
            )

        return of

    path = tmp_path / "search.parquet"
    write_table(path, search_table(2, score(0), score(1)))
    return path


def chosen(tmp_path: Path, **settings) -> dict[int, list[str]]:
    output = tmp_path / "best.parquet"
    best_per_class(search=searched(tmp_path), settings=PerClassAugmentation(**settings), output=output)
    table = read_table(output)
    assert (table["rank"] == table.groupby("label").cumcount() + 1).all()
    return {number: list(table.loc[table["label"] == number, "transformation"]) for number in set(table["label"])}


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, ["rotate 9", "invert 4"]),
        ({"rank_by": "mean_change"}, ["invert 4", "rotate 9"]),
        ({"top": 1}, ["rotate 9"]),
        ({"family": "appearance"}, ["invert 4"]),
        ({"family": "geometric"}, ["rotate 9"]),
        ({"policies": ["sub-policy"]}, ["invert 4 + equalize 8"]),
        ({"policies": ["single", "sub-policy"]}, ["rotate 9", "invert 4 + equalize 8", "invert 4"]),
        ({"improving": False, "top": 3}, ["posterize 8", "rotate 9", "invert 4"]),
    ],
)
def test_ranking_and_filters(settings, names, tmp_path):
    found = chosen(tmp_path, **settings)
    assert found[0] == names
    # Nothing helps the other class, so nothing is chosen unless hurting is allowed.
    assert (1 in found) == ("improving" in settings)


def test_no_transformation_at_all_is_a_table_that_can_be_read(tmp_path):
    path = searched(tmp_path)
    frame = read_table(path)
    write_table(path, frame[frame["label"] == 1])
    best_per_class(search=path, settings=PerClassAugmentation(), output=tmp_path / "best.parquet")
    assert read_class_transformations(tmp_path / "best.parquet", 0.5, SEED).of_class == {}


def test_equal_images_count_once(tmp_path):
    """`color 0 + equalize 3` is `equalize 3`; both equalize to one."""

    def score(described: pd.DataFrame, label: int, half: str) -> np.ndarray:
        equal = described["transformation"].isin(["equalize 8", "color 0 + equalize 3"])
        return np.where(equal, 5.0, -1.0 - np.arange(len(described)))

    write_table(tmp_path / "search.parquet", search_table(1, score))
    settings = PerClassAugmentation(policies=["single", "sub-policy"])
    best_per_class(search=tmp_path / "search.parquet", settings=settings, output=tmp_path / "best.parquet")
    assert list(read_table(tmp_path / "best.parquet")["transformation"]) == ["equalize 8"]


def test_policies_that_were_not_searched_are_one_sentence(tmp_path):
    table = search_table(1, lambda described, label, half: np.arange(len(described)), bank=BankB(subpolicies=False))
    write_table(tmp_path / "search.parquet", table)
    with pytest.raises(InputError, match=r"no transformation of the policy 'sub-policy'; set banks\.b\.subpolicies"):
        best_per_class(
            search=tmp_path / "search.parquet",
            settings=PerClassAugmentation(policies=["sub-policy"]),
            output=tmp_path / "best.parquet",
        )
