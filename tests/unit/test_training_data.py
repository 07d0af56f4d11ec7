"""Trainings on further data sets, beside the one that everything is measured on."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.unit.images import write_folder
from tests.workflow import tiny_study
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.data.output_classes import names_in, output_classes
from workflow_scripts.lie.heads import outputs_of_classes, read_outputs
from workflow_scripts.results.study import load_study
from workflow_scripts.results.tables.table_datasets import table_datasets
from workflow_scripts.steps.start import start
from workflow_scripts.training.datasets import Cell
from workflow_scripts.training.settings import Training
from workflow_scripts.workflow.step import Step
from workflow_scripts.workflow.workspace import Workspace

PLANTED: dict[str, Any] = {"kind": "planted", "image_size": 32}
METHODS: dict[str, Any] = {"fscc": {}, "rrc": {}, "own": {"augmentation": "fscc", "per_class": {}}}
TWO: dict[str, Any] = {"resnet18": {}, "vit": {"timm": "vit_tiny"}}
SEVERAL = ROOT / "tests" / "studies" / "datasets.yaml"


def training(other: dict[str, Any], **changes: Any) -> Training:
    return Training(**{"methods": METHODS, "datasets": {"other": {"images": PLANTED, **other}}, **changes})


def test_a_further_data_set_leaves_the_names_of_the_trainings_that_were():
    alone = training({}).model_copy(update={"datasets": {}})
    both = training({})
    assert list(both.cells) == [*alone.cells, "other.fscc", "other.rrc"]
    assert both.cells["rrc"] == Cell("resnet18", "rrc")
    assert both.cells["other.rrc"] == Cell("resnet18", "rrc", "other")


def test_a_data_set_is_a_cell_with_each_architecture_and_method_that_it_names():
    assert [name for name in training({}, architectures=TWO).cells if name.startswith("other")] == [
        *("other.fscc", "other.rrc", "other.vit.fscc", "other.vit.rrc")
    ]
    one = training({"architectures": ["vit"], "methods": ["rrc"]}, architectures=TWO)
    assert [name for name in one.cells if name.startswith("other")] == ["other.vit.rrc"]
    assert one.timm_name("other.vit.rrc") == "vit_tiny"


def test_a_grid_chooses_on_the_images_that_are_trained_on():
    methods = {"fscc": {}, "rrc": {"choice_of": "fscc"}}
    assert training({}, methods=methods, grid={}).owner("other.rrc") == "other.fscc"
    assert training({}, methods=methods, grid={}).owners == ["fscc", "other.fscc"]


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"datasets": {"a": {"images": {"kind": "plante"}}}}, "training.datasets.a.images.kind: 'plante' is not one of"),
    ({"datasets": {"a": {"images": {**PLANTED, "imagesize": 3}}}}, "training.datasets.a.images.imagesize: unknown key"),
    ({"datasets": {"a": {"image": PLANTED}}}, "training.datasets.a.image: unknown key 'image'; did you mean 'images'"),
    ({"datasets": {"a": {"images": PLANTED, "methods": ["rcc"]}}}, "datasets.a.methods: unknown method 'rcc'; did you"),
    (
        {"datasets": {"a": {"images": PLANTED, "architectures": ["vit"]}}},
        "datasets.a.architectures: unknown architecture 'vit'",
    ),
    (
        {"datasets": {"a": {"images": PLANTED, "methods": ["own"]}}},
        "datasets.a.methods: 'own' has transformations for each class of the study's dataset",
    ),
    (
        {
            "methods": {"fscc": {}, "rrc": {"choice_of": "fscc"}},
            "grid": {},
            "datasets": {"a": {"images": PLANTED, "methods": ["rrc"]}},
        },
        "datasets.a.methods: 'rrc' uses the choice of 'fscc'; add that, too, or leave it out",
    ),
    (
        {"architectures": TWO, "datasets": {"vit": {"images": PLANTED}}},
        "names trainings of two architectures or data sets; rename one of them",
    ),
    (
        {
            "methods": {"a" * 100: {"augmentation": "rrc"}},
            "architectures": {"resnet18": {}, "c" * 100: {"timm": "resnet18"}},
            "datasets": {"b" * 100: {"images": PLANTED}},
        },
        "has more than 200 characters; shorten its names",
    ),
]


def said(study: dict[str, Any], folder: Path) -> str:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(study))
    with pytest.raises(InputError) as error:
        load_study(path)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(("changes", "sentence"), MISTAKES)
def test_a_mistake_is_one_line(changes, sentence, tmp_path):
    study = tiny_study(
        training={"methods": METHODS, **changes},
        models={"a": {"timm": "resnet18"}},
        similarity_search={"models": ["a"]},
    )
    assert sentence in said(study, tmp_path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"models": {"a": {"training": "fscc", "dataset": "othr"}}}, "models.a.dataset: unknown data set of training."),
        ({"models": {"a": {"timm": "resnet18", "dataset": "other"}}}, "dataset belongs to a training; give training"),
        ({"models": {"a": {"training": "standard", "dataset": "other"}}}, "unknown method 'other.standard'"),
        (
            {"zoom_sweep": {"methods": ["other.fscc"]}},
            "zoom_sweep.methods: unknown training on the images of 'dataset'",
        ),
        ({"tables": {"table_1a": {"methods": ["other.fscc"]}}}, "tables.table_1a.methods: unknown training on the"),
        ({"tables": {"table_a2": {"method": "other.fscc"}}}, "tables.table_a2.method: unknown training on the images"),
        ({"tables": {"table_a2": {"baseline": "other.fscc"}}}, "tables.table_a2.baseline: unknown training on the"),
        (
            {"tables": {"table_b": {"methods": ["other.fscc"]}}},
            "tables.table_b.methods: unknown training on the images",
        ),
        (
            {"tables": {"table_per_class_augmentation": {"baseline": "other.fscc"}}},
            "tables.table_per_class_augmentation.baseline: unknown training on the images",
        ),
    ],
)
def test_what_needs_the_classes_of_the_measured_images_takes_no_other_training(changes, sentence, tmp_path):
    study = yaml.safe_load(SEVERAL.read_text())
    assert sentence in said({**study, **changes}, tmp_path)


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Workspace:
    write_folder(tmp_path / "data" / "images", ["cat", "dog"], train=1, val=1)
    monkeypatch.chdir(tmp_path)
    return start({"study": str(SEVERAL)})[0]


def job(workspace: Workspace, file: str) -> tuple[Step, Any]:
    return workspace.steps.maker(f"results/datasets/{file}")


def test_each_data_set_has_files_of_its_own(workspace):
    made = {
        "data/planted": "planted",
        "datasets/other/planted": "training_planted",
        "data/index.parquet": "index",
        "datasets/folder/index.parquet": "training_index",
        "data/train/shard-0.arrow": "shards",
        "datasets/other/train/shard-1.arrow": "training_shards",
    }
    assert {file: job(workspace, file)[0].name for file in made} == made
    with pytest.raises(LookupError):
        job(workspace, "datasets/folder/planted")
    step, wildcards = job(workspace, "datasets/folder/index.parquet")
    assert step.sources(wildcards)["root"].path == "data/images"


def test_a_training_sees_the_images_and_the_normalisation_of_its_data_set(workspace):
    seen = {}
    for name in ("fscc", "other.fscc", "other.narrow.fscc", "folder.narrow.fscc"):
        step, wildcards = job(workspace, f"trainings/{name}/seed-0/model.safetensors")
        inputs, settings = step.inputs(wildcards), step.settings(wildcards)
        seen[name] = (len(inputs["shards_train"]), inputs["shards_val"], settings["preprocessing"].mean[0])
    place = "results/datasets"
    assert seen == {
        "fscc": (1, [f"{place}/data/val/shard-0.arrow"], 0.485),
        "other.fscc": (2, [f"{place}/datasets/other/val/shard-0.arrow"], 0.5),
        "other.narrow.fscc": (2, [f"{place}/datasets/other/val/shard-0.arrow"], 0.5),
        "folder.narrow.fscc": (1, [f"{place}/datasets/folder/val/shard-0.arrow"], 0.485),
    }


def test_everything_is_measured_on_the_study_s_dataset(workspace):
    for file in ("embeddings/others/bank_a/shard-0", "embeddings/own/bank_a/shard-0"):
        step, wildcards = job(workspace, file)
        assert step.inputs(wildcards)["shard"] == "results/datasets/data/val/shard-0.arrow"
    step, _ = job(workspace, "lie/others.summary.parquet")
    listed = [
        step.inputs(job(workspace, f"lie/{name}.summary.parquet")[1]).get("outputs") for name in ("own", "others")
    ]
    assert listed == [None, "results/datasets/datasets/other/outputs.txt"]


def test_two_parts_of_one_folder_are_looked_at_apart(tmp_path, monkeypatch):
    """The fingerprint of one data set does not stand for another that lies in the same folder."""
    root = tmp_path / "data" / "images"
    for split in ("fit", "held_out", "more"):
        write_folder(root / split, ["cat", "dog"], train=1, val=0)
    for split in ("fit", "held_out", "more"):
        for folder in list((root / split / "train").iterdir()):
            folder.rename(root / split / folder.name)
        (root / split / "train").rmdir()
    monkeypatch.chdir(tmp_path)
    images = {"kind": "imagefolder", "root": "images", "val_split": "held_out"}
    study = tiny_study(dataset={**images, "train_split": "fit"})
    study["training"]["datasets"] = {"other": {"images": {**images, "train_split": "more"}}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(study))

    def keys() -> list[str]:
        steps = start({"study": "mine.yaml"})[0].steps
        return [steps.key_of(f"results/mine/{file}/index.parquet") for file in ("data", "datasets/other")]

    before = keys()
    write_folder(tmp_path / "new", ["cat"], train=1, val=0)
    next((tmp_path / "new" / "train" / "cat").iterdir()).rename(root / "more" / "cat" / "new.jpg")
    after = keys()
    assert before[0] == after[0]
    assert before[1] != after[1]


def classes(*rows: tuple[str, str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["class", "wnid"]).astype({"wnid": "str"})
    return frame.assign(label=range(len(frame)), name=frame["class"], split="val", id=range(len(frame)))


def test_outputs_stand_for_classes_of_the_same_name_or_wnid(tmp_path):
    own = classes(("cat", "n02121808"), ("dog", None), ("n02084071", "n02084071"))
    others = classes(("bird", "n01503061"), ("dog", None), ("house_cat", "n02121808"), ("hound", "n02084071"))
    assert names_in(own, others) == ["bird", "dog", "cat", "n02084071"]
    for name, frame in (("own", own), ("others", others)):
        write_table(tmp_path / f"{name}.parquet", frame)
    listed = tmp_path / "outputs.txt"
    output_classes(index=tmp_path / "own.parquet", trained_on=tmp_path / "others.parquet", output=listed)
    found = outputs_of_classes("study", 4, own, read_outputs(listed, 4))
    assert found.columns is not None
    assert found.columns.tolist() == [2, 1, 3]


def test_a_class_that_was_not_trained_leaves_a_gap_with_its_reason():
    """As many classes, and other ones: without names, output 0 would have counted as the first class."""
    own, others = classes(("cat", None), ("dog", None)), classes(("bird", None), ("cat", None))
    found = outputs_of_classes("study", 2, own, names_in(own, others))
    assert found.columns is None
    assert found.reason == "1 of 2 classes, first dog, are not in its 'outputs'"


def test_the_table_says_which_images_a_training_was_tested_on(tmp_path):
    indices, runs = {}, {}
    for name, count in (("", 4), ("other", 2)):
        indices[name] = tmp_path / f"index{name}.parquet"
        frame = pd.DataFrame({"label": [0, 1] * count, "split": ["train"] * count + ["val"] * count})
        write_table(indices[name], frame)
    for name, right in (("fscc", 3), ("other.fscc", 1)):
        folder = tmp_path / name
        answers = {"id": range(4), "label": [0] * 4, "prediction": [0] * right + [1] * (4 - right), "margin": 0.0}
        write_table(folder / "predictions.parquet", pd.DataFrame(answers))
        write_table(folder / "history.parquet", pd.DataFrame({"train_loss": [0.5]}))
        runs[name] = [folder]
    datasets = {"fscc": "", "other.fscc": "other"}
    table_datasets(runs=runs, datasets=datasets, indices=indices, output=tmp_path / "table")
    table = pd.read_csv(tmp_path / "table.csv").set_index("method")
    assert table["data set"].to_dict() == {"fscc": "dataset", "other.fscc": "other"}
    assert table["top-1 (%)"].to_dict() == {"fscc": 75, "other.fscc": 25}
    assert table["validation images"].to_dict() == {"fscc": 4, "other.fscc": 2}
