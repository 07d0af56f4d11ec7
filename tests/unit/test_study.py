"""The typed model of a study: shipped studies, sentences about mistakes, and what is derived from it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.results.reference import (
    COLUMNS_PAGE,
    KEYS,
    SCHEMA,
    TARGETS,
    between_marks,
    column_table,
    json_schema,
    key_table,
    target_table,
)
from workflow_scripts.results.study import load_study
from workflow_scripts.steps.results import available
from workflow_scripts.steps.start import start
from workflow_scripts.study.config import STUDIES, load_config, study_file
from workflow_scripts.study.measurements import Measurements

SHIPPED = sorted(STUDIES.glob("*.yaml")) + sorted((ROOT / "tests" / "studies").glob("*.yaml"))
PLANTED = (ROOT / "tests" / "studies" / "planted.yaml").read_text()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_studies_are_valid(path):
    assert load_study(path).title


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        ("epochs: 6", "epocs: 6", "training.recipe.epocs: unknown key 'epocs'; did you mean 'epochs'?"),
        ("image_size: 64", "image_sze: 64", "dataset.image_sze: unknown key 'image_sze'; did you mean 'image_size'?"),
        ("    fscc: {}", "    fsccc: {}", "training.methods.fsccc: unknown augmentation 'fsccc'; did you mean 'fscc'?"),
        ("training: fscc", "training: fsc", "models.resnet_fscc.training: unknown method 'fsc'; did you mean 'fscc'?"),
        ("label: ViT", "labl: ViT", "models.vit_untrained.labl: unknown key 'labl'; did you mean 'label'?"),
        ("pairs: 200", "pairs: many", "invariance.pairs: Input should be a valid integer"),
        ("pairs: 200", "pairs: 1", "invariance.pairs: Input should be greater than or equal to 2, not 1"),
        (
            "kind: planted",
            "kind: folder",
            "dataset.kind: 'folder' is not one of 'planted', ",
        ),
        ("  kind: planted\n", "", "dataset.kind: missing; give one of 'planted', 'imagefolder', 'ilsvrc2012'"),
        ("crop: 64\ntraining", "crop: 80\ntraining", "preprocessing: crop (80) must not exceed resize (73)"),
        (
            "training: standard\n    seed: 0\n",
            "training: standard\n    seed: 3\n",
            "models.resnet_standard: seed 3 is not in training.seeds [0, 1]",
        ),
        ("seeds: [0, 1]", "seeds: [0, 1", "not valid YAML"),
        ("invariance:", "title: again\ninvariance:", "key 'title' is given twice"),
        ("models: [resnet_fscc", "models: [resnet_fsc", "similarity_search.models: unknown model 'resnet_fsc'"),
        (
            "figures:\n",
            "lie: {transformations: [scale]}\nfigures:\n  figure_l1: {transformations: [rotation]}\n",
            "figures.figure_l1.transformations: unknown transformation of lie 'rotation'",
        ),
        (
            "figures:\n",
            "figures:\n  figure_l3: {models: [vit_untraind]}\n",
            "figures.figure_l3.models: unknown model 'vit_untraind'; did you mean 'vit_untrained'?",
        ),
    ],
)
def test_a_mistake_gets_one_line_with_file_key_and_nearest_name(tmp_path, right, wrong, sentence):
    assert right in PLANTED
    path = tmp_path / "mine.yaml"
    path.write_text(PLANTED.replace(right, wrong, 1))
    with pytest.raises(InputError) as error:
        load_study(path)
    assert str(error.value).startswith(f"{path}: ")
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_unknown_study_names_the_nearest():
    with pytest.raises(InputError, match=r"unknown study 'imagnet'; did you mean 'imagenet'\?"):
        study_file("imagnet")


def test_unknown_key_of_config_is_an_error():
    with pytest.raises(InputError, match=r"stdy: unknown key 'stdy'; did you mean 'study'\?"):
        load_config({"stdy": "demo", "data": "data", "results": "results"})


def test_json_schema_is_up_to_date():
    assert SCHEMA.read_text() == json_schema(), "run: make references"


def test_schema_describes_every_key():
    schema = json.loads(json_schema())
    blocks = [schema, *schema["$defs"].values()]
    bare = [name for block in blocks for name, key in block["properties"].items() if "description" not in key]
    assert not bare


@pytest.mark.parametrize(("page", "table"), [(KEYS, key_table), (TARGETS, target_table), (COLUMNS_PAGE, column_table)])
def test_generated_tables_are_up_to_date(page, table):
    assert between_marks(page.read_text()) == table(), "run: make references"


def test_the_study_in_the_readme_is_valid(tmp_path):
    path = tmp_path / "my_study.yaml"
    path.write_text((ROOT / "README.md").read_text().split("```yaml")[1].split("```")[0])
    study = load_study(path)
    assert set(study.models) == {"vit_trained", "vit_untrained", "resnet", "mine", "trained_here"}


def test_parsing_imports_no_torch():
    code = "import sys, workflow_scripts.steps.start; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


class Started:
    """A study with its workspace, as the Snakefile starts it."""

    def __init__(self, path: Path) -> None:
        self.workspace, self.study = start({"study": str(path), "data": "data", "results": "results"})

    @property
    def shown(self) -> set[str]:
        """Names of its figures and tables."""
        return {entry.name for entry in available(self.workspace, self.study)}

    def key(self, file: str) -> str:
        """The key of a file of its results."""
        return self.workspace.steps.key_of(f"results/{self.workspace.name}/{file}")


def variant(tmp_path: Path, right: str = "", wrong: str = "") -> Started:
    """The study of planted factors with one text replaced, under one name."""
    assert right in PLANTED
    path = tmp_path / "mine.yaml"
    path.write_text(PLANTED.replace(right, wrong, 1))
    return Started(path)


# One result of each kind.
FILES = {
    "planted": "data/planted",
    "index": "data/index.parquet",
    "shards": "data/val/shard-0.arrow",
    "training": "trainings/fscc/seed-0/model.safetensors",
    "other training": "trainings/standard/seed-0/model.safetensors",
    "built": "models/vit_untrained/model.json",
    "pairs": "embeddings/pairs.parquet",
    "sweep": "embeddings/resnet_fscc/bank_a/shard-0",
    "other sweep": "embeddings/vit_untrained/bank_a/shard-0",
    "invariance": "metrics/invariance/resnet_fscc.summary.parquet",
    "other invariance": "metrics/invariance/vit_untrained.summary.parquet",
    "figure_2": "figures/figure_2.png",
    "figure_a3": "figures/figure_a3.csv",
    "equivariance": "metrics/equivariance/resnet_fscc.summary.parquet",
    "figure_a10": "figures/figure_a10.pdf",
    "class pairs": "embeddings/class_pairs.parquet",
    "pair sweep": "embeddings/resnet_fscc/bank_b/classes-0.parquet",
    "search": "metrics/similarity_search/resnet_fscc.parquet",
    "figure_3a": "figures/figure_3a.csv",
    "figure_4": "figures/figure_4.csv",
    "examples": "embeddings/bank_examples.parquet",
    "figure_a2": "figures/figure_a2.csv",
    "foreground": "foreground/shard-0.parquet",
    "figure_a6": "figures/figure_a6.csv",
    "table_foregrounds": "tables/table_foregrounds.md",
}


def keys(study: Started) -> dict[str, str]:
    """The keys of one result of each kind."""
    return {name: study.key(file) for name, file in FILES.items()}


DRAWN = {"figure_2", "figure_a3", "figure_a10"}
MEASURED = {"sweep", "other sweep", "invariance", "other invariance", "equivariance", *DRAWN}
SEARCHED = {"pair sweep", "search", "figure_3a", "figure_4"}
BOXED = {"foreground", "figure_a6", "table_foregrounds"}
TRAINED = {"training", "other training", "sweep", "invariance", "equivariance", *DRAWN, *SEARCHED}


@pytest.mark.parametrize(
    ("right", "wrong", "changed"),
    [
        ("title: Planted", "title: Our planted", set()),
        ("execution:", "execution:\n  embedding_batch: 7", set()),
        ("label: ViT, untrained", "label: Vision transformer", DRAWN),
        ("figures:\n", "figures:\n  figure_a3:\n    colors: ['#000000']\n", {"figure_a3"}),
        ("models:\n", "banks:\n  a:\n    magnitudes: [0, 5]\nmodels:\n", MEASURED | {"examples", "figure_a2"}),
        ("pairs: 200", "pairs: 300", MEASURED | {"pairs"}),
        ("pairs_per_class: 40", "pairs_per_class: 50", SEARCHED | {"class pairs"}),
        ("models:\n", "banks:\n  b:\n    operations: [invert]\nmodels:\n", SEARCHED | {"examples", "figure_a2"}),
        ("similarity_search:\n", "wordnet:\n  bins: 5\nsimilarity_search:\n", {"figure_4"}),
        ("similarity_search:\n", "equivariance:\n  pairs: 50\nsimilarity_search:\n", {"equivariance", "figure_a10"}),
        ("method: saliency", "method: saliency\n  threshold: 0.2", BOXED),
        ("method: saliency", "method: saliency\n  onnx: elsewhere.onnx", set()),
        ("method: saliency", "method: u2net", BOXED),
        ("epochs: 6", "epochs: 7", TRAINED),
        (
            "img_size: 64\n",
            "img_size: 64\n      depth: 7\n",
            {"built", "other sweep", "other invariance", *DRAWN},
        ),
        ("image_size: 64", "image_size: 96", set(FILES) - {"built"}),
    ],
)
def test_a_setting_reaches_exactly_what_depends_on_it(tmp_path, right, wrong, changed):
    before, after = keys(variant(tmp_path)), keys(variant(tmp_path, right, wrong))
    assert {name for name in before if before[name] != after[name]} == changed


def test_local_batch_norm_makes_the_number_of_ranks_part_of_a_training(tmp_path):
    one, two = variant(tmp_path), variant(tmp_path, "execution:", "execution:\n  ranks: 2")
    assert keys(one)["training"] != keys(two)["training"]
    synchronised = "recipe:\n    batch_norm: synchronised"
    one = variant(tmp_path, "recipe:", synchronised)
    two_text = PLANTED.replace("recipe:", synchronised, 1).replace("execution:", "execution:\n  ranks: 2", 1)
    (tmp_path / "mine.yaml").write_text(two_text)
    assert keys(one) == keys(Started(tmp_path / "mine.yaml"))


def test_what_a_study_does_not_say_of_a_figure_stays_as_it_was(tmp_path):
    """Figures of one class have defaults of their own."""
    wanted = "figures:\n  figure_2: {colors: ['#000000']}\n  figure_a5: {lowest: -90}\n  figure_a9: {}\n"
    study = variant(tmp_path, "figures:\n", wanted).study
    first, fifth, ninth = study.figures.figure_2, study.figures.figure_a5, study.figures.figure_a9
    assert first
    assert fifth
    assert ninth
    assert (first.transformations, first.columns) == (["translateX", "translateY", "scale_zoom_in", "rotate"], 2)
    assert first.colors == ["#000000"]
    assert (fifth.without, fifth.lowest) == (["translateX", "translateY", "rescale"], -90)
    assert ninth.transformation == "translation_scale"


def test_a_figures_own_defaults_need_not_be_measured_but_what_a_study_names_must(tmp_path):
    models = "models:\n"
    bank = "banks: {a: {transformations: [rotate]}}\nlie: {transformations: [rotation]}\nmodels:\n"
    path = tmp_path / "mine.yaml"
    text = PLANTED.replace(models, bank, 1)
    path.write_text(text.replace("figures:\n", "figures:\n  figure_l1: {}\n", 1))
    assert Started(path).study.figures.figure_l1
    for wrong in ("figure_2: {transformations: [shearX]}", "figure_l1: {transformations: [scale]}"):
        path.write_text(text.replace("figures:\n", f"figures:\n  {wrong}\n", 1))
        with pytest.raises(InputError, match=r"figures\.figure_\w+\.transformations: unknown transformation"):
            Started(path)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("figures:\n", "figures:\n  figure_2: {colors: [bluee]}\n", "'bluee' is no colour"),
        (
            "figures:\n",
            "banks: {a: {magnitudes: [0]}}\nfigures:\n  figure_l3: {magnitude: 8}\n",
            "magnitude: unknown magnitude of banks.a '8'",
        ),
        ("seed: 0\n", "seed: -1\n", "seed: Input should be greater than or equal to 0"),
        ("models:\n", "models:\n  modèle: {timm: resnet18}\n", "a name begins with a letter or a digit"),
        ("preprocessing:\n", "preprocessing:\n  std: [0.5, 0.5, 0]\n", "std.2: Input should be greater than 0"),
    ],
)
def test_mistakes_are_found_before_anything_runs(tmp_path, right, wrong, said):
    with pytest.raises(InputError, match=re.escape(said)):
        variant(tmp_path, right, wrong)


def test_a_study_file_that_cannot_be_read_is_one_sentence(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes("title: Mé".encode("latin-1"))
    with pytest.raises(InputError, match="not a text in UTF-8"):
        Started(path)
    path.write_text("title: a\nseed: 1\nseed: 2\n")
    with pytest.raises(InputError, match=r"'seed' is given twice.*line 3"):
        Started(path)
    with pytest.raises(InputError, match="there is no file"):
        Started(tmp_path / "absent.yaml")


def test_what_needs_models_or_subpolicies_is_left_out_without(tmp_path):
    without = variant(tmp_path, "similarity_search:\n", "banks: {b: {subpolicies: false}}\nsimilarity_search:\n")
    assert "figure_a4" not in without.shown
    assert {"figure_3a", "figure_2"} <= without.shown
    path = tmp_path / "none.yaml"
    path.write_text("dataset: {kind: planted}\ntraining: {methods: {fscc: {}}}\n")
    assert not {"figure_2", "figure_a3", "figure_a10"} & Started(path).shown


@pytest.mark.parametrize(
    ("search", "per_class", "message"),
    [
        ({}, {}, r"similarity_search\.closure is missing; add it"),
        ({"closure": {}}, {"policies": ["sub-policy"]}, "'closure' ranks single transformations; add 'single'"),
    ],
)
def test_a_training_by_closure_needs_closure(search, per_class, message):
    study = {
        "dataset": {"kind": "planted"},
        "training": {
            "methods": {"fscc": {}, "own": {"augmentation": "fscc", "per_class": {"rank_by": "closure", **per_class}}}
        },
        "models": {"trained": {"training": "fscc"}},
        "similarity_search": {"models": ["trained"], **search},
    }
    with pytest.raises(ValueError, match=message):
        Measurements.model_validate(study)
