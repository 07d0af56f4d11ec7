"""What runs again and what does not, on the real workflow (DESIGN, "cached and resumable")."""

import copy
import os
import shutil
from pathlib import Path

import pytest

from tests.sampled import sampled
from tests.workflow import Checkout, planned, tiny_study
from workflow_scripts.common.lock import locked

REPORT = {"report": 1}
SHOWN = {"show_banks": 1, "figure_a2": 1}
NAMED = {"figure_answer": 1, "table_answer": 1}
ANSWER = {"answer": 1, **NAMED, "table_claims": 1}
INVARIANCE = {"invariance": 2, "extremes": 1, "figure_2": 1, "figure_a3": 1, **ANSWER, **REPORT}
EQUIVARIANCE = {"equivariance": 2, "figure_a10": 1, **REPORT}
MEASURED = {**INVARIANCE, **EQUIVARIANCE}
ONE_SEED = {**MEASURED, "invariance": 1, "equivariance": 1}
ONE = {**ONE_SEED, "table_models": 1}
TRAINED = {"train": 2, "figure_curves": 1, "table_1a": 1, "table_claims": 1}
BOXED = {"figure_a6": 1, "table_foregrounds": 1, **REPORT}


@pytest.fixture
def checkout(tiny_checkout, tmp_path) -> Checkout:
    """A copy of a checkout in which the tiny study has run."""
    return tiny_checkout.copy(tmp_path / "project")


def changed_study(checkout: Checkout, path: str, value) -> None:
    """Change one key of the study, given as `block.key`."""
    study = copy.deepcopy(tiny_study())
    *blocks, key = path.split(".")
    block = study
    for name in blocks:
        block = block.setdefault(name, {})
    block[key] = value
    checkout.write_study(study)


def test_figures_and_report_are_there(tiny_checkout):
    finished = tiny_checkout
    figures = {path.name for path in (finished.results() / "figures").glob("*.*") if path.is_file()}
    assert figures == {
        f"figure_{name}.{kind}"
        for name in ("2", "a1", "a10", "a2", "a3", "a6", "answer", "curves")
        for kind in ("pdf", "svg", "png", "csv")
    }
    page = (finished.results() / "report.html").read_text()
    assert 'id="figure_2"' in page
    assert "Invariance of the models to translation, zoom in and rotation" in page
    # No figure falls back to words that nobody wrote for it.
    assert "The data are" not in page
    assert len(page) < 6_000_000


def test_no_temporary_file_is_left(tiny_checkout):
    finished = tiny_checkout
    assert not [path for path in finished.results().rglob("*.tmp*") if "site-packages" not in str(path)]
    assert not list((finished.results() / "state").iterdir())


def test_a_second_run_has_nothing_to_do(checkout):
    assert checkout.planned() == {}


def test_touching_every_file_reruns_nothing(checkout):
    for number, path in enumerate(sorted(checkout.folder.rglob("*"), reverse=True)):
        if path.is_file() and ".snakemake" not in path.parts:
            os.utime(path, (1.7e9 + number, 1.7e9 + number))
    assert checkout.planned() == {}


def test_a_clone_with_the_results_copied_over_reruns_nothing(checkout, tmp_path):
    clone = Checkout.make(tmp_path / "elsewhere" / "clone")
    clone.write_study(tiny_study())
    # Newest first: downstream files are now older than what they were made from.
    for path in sorted((checkout.folder / "results").rglob("*"), reverse=True):
        if path.is_file():
            target = clone.folder / path.relative_to(checkout.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    assert clone.planned() == {}


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("workflow_scripts/metrics/invariance.py", "    cache = Cache(", "    # why\n\n    cache = Cache(\n        "),
        ("workflow_scripts/training/train.py", '"""Train a classifier', '"""Teach a classifier'),
        ("workflow_scripts/results/figures/style.py", "WIDTH = 6.75", "WIDTH = (\n    6.75\n)"),
        ("rules/metrics.smk", "\n        params:", "\n        # a comment\n        params:"),
        ("studies/mine.yaml", "title: Tiny", "title: Tiny  # a comment"),
        (
            "workflow_scripts/common/columns.py",
            '    "array": "file of',
            '    "another": "of a new table",\n    "array": "a file of',
        ),
    ],
)
def test_comments_docstrings_and_layout_rerun_nothing(checkout, file, right, wrong):
    checkout.edit(file, right, wrong)
    assert checkout.planned() == {}


@pytest.mark.parametrize(
    ("path", "value", "jobs"),
    sampled(
        [
            ("title", "Small", REPORT),
            ("figures.figure_2.colors", ["#CC79A7", "#000000"], {"figure_2": 1, **REPORT}),
            ("models.untrained.seed", 1, {"build_model": 1, "sweep": 1, **ONE}),
            (
                "banks.a.transformations",
                ["rotate", "translateX"],
                {"sweep": 2, **MEASURED, **SHOWN},
            ),
            ("training.recipe.epochs", 3, {**TRAINED, "sweep": 1, **ONE}),
            ("equivariance.pairs", 30, EQUIVARIANCE),
            ("banks.b.operations", ["invert"], {**SHOWN, **REPORT}),
            ("foreground.threshold", 0.2, {"foreground": 1, **BOXED}),
            ("foreground.method", "u2net", {"fetch_u2net": 1, "foreground": 1, **BOXED}),
            ("foreground.onnx", "elsewhere.onnx", {}),
            ("foreground.split", "val", {"foreground": 1, **BOXED}),
            ("figures.figure_a6", {"bins": 7}, {"figure_a6": 1, **REPORT}),
            ("tables.table_foregrounds", {"order": "area"}, {"table_foregrounds": 1, **REPORT}),
            ("execution.embedding_batch", 3, {}),
            ("execution.checkpoint_minutes", 3.0, {}),
        ],
        2,
    ),
)
def test_a_setting_reruns_exactly_what_it_touches(checkout, path, value, jobs):
    changed_study(checkout, path, value)
    assert checkout.planned() == jobs


def test_another_model_is_measured_and_nothing_else(checkout):
    models = {**tiny_study()["models"], "vit": {"timm": "vit_tiny_patch16_224", "args": {"img_size": 32}}}
    changed_study(checkout, "models", models)
    checkout.edit("studies/mine.yaml", "- '#E69F00'", "- '#E69F00'\n    - '#009E73'")
    assert checkout.planned() == {"build_model": 1, "sweep": 1, **ONE}


def test_a_seed_trains_that_seed_and_a_method_that_method(checkout):
    assert checkout.planned("trainings") == {}
    changed_study(checkout, "training.seeds", [0, 1])
    assert checkout.planned("trainings") == {"train": 2}
    # The model that is this training stands for all of its seeds; images of the page are those of the first.
    expected = {**TRAINED, "sweep": 1, **ONE_SEED}
    del expected["extremes"]
    assert checkout.planned() == expected
    study = tiny_study()
    study["training"]["methods"]["rrc"] = {}
    checkout.write_study(study)
    assert checkout.planned("trainings") == {"train": 1}


@pytest.mark.parametrize(
    ("file", "right", "wrong", "jobs"),
    sampled(
        [
            (
                "workflow_scripts/metrics/invariance.py",
                "SMALLEST_BASELINE = 1e-8",
                "SMALLEST_BASELINE = 1e-7",
                INVARIANCE,
            ),
            ("rules/report/figure_2.rst", "Invariance of the models", "How invariant models are", REPORT),
            ("rules/report/workflow.rst", "with its caption", "with a caption", {}),
            ("workflow_scripts/results/page/templates/page.css", "line-height: 1.2", "line-height: 1.3", REPORT),
            ("workflow_scripts/results/catalogue/invariance.py", "translation, zoom, rotation", "some", REPORT),
            (
                "workflow_scripts/transformations/bank_a.py",
                'title="translate x"',
                'title="move along x"',
                {"figure_2": 1, "figure_a2": 1, "figure_a3": 1, "figure_a10": 1, **NAMED, **REPORT},
            ),
            (
                "workflow_scripts/results/figures/figure_a2.py",
                "HEADING = 0.24",
                "HEADING = 0.25",
                {"figure_a2": 1, **REPORT},
            ),
            (
                "workflow_scripts/transformations/bank_a.py",
                "equal_steps(0, 90)",
                "equal_steps(0, 80)",
                {"sweep": 2, **MEASURED, **SHOWN},
            ),
            (
                "workflow_scripts/foreground/saliency.py",
                "SMALLEST_DEVIATION = 4.0",
                "SMALLEST_DEVIATION = 5.0",
                {"foreground": 1, **BOXED},
            ),
            (
                "workflow_scripts/training/optimisation.py",
                "momentum=recipe.momentum",
                "momentum=0.8",
                {**TRAINED, "sweep": 1, **ONE},
            ),
        ],
        2,
    ),
)
def test_code_reruns_its_rules_and_what_follows(checkout, file, right, wrong, jobs):
    checkout.edit(file, right, wrong)
    assert checkout.planned() == jobs


def test_a_stale_result_is_found_even_if_only_part_was_made_anew(checkout):
    checkout.edit("workflow_scripts/metrics/invariance.py", "SMALLEST_BASELINE = 1e-8", "SMALLEST_BASELINE = 1e-7")
    table = checkout.results() / "metrics" / "invariance" / "trained.summary.parquet"
    checkout.snakemake(str(table.relative_to(checkout.folder)))
    assert checkout.planned() == {**INVARIANCE, "invariance": 1}


def test_one_figure_is_a_target(checkout):
    Path(checkout.results() / "figures" / "figure_a3.pdf").unlink()
    assert checkout.planned("figure_2") == {}
    assert checkout.planned("figure_a3") == {"figure_a3": 1}


def forget(checkout: Checkout) -> None:
    """Lose all that Snakemake has recorded."""
    shutil.rmtree(checkout.folder / ".snakemake")


def flip(path: Path) -> None:
    """Damage one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("path", "value", "jobs"),
    sampled(
        [
            (None, None, {}),
            ("title", "Small", REPORT),
            ("equivariance.pairs", 30, EQUIVARIANCE),
            ("models.untrained.seed", 1, {"build_model": 1, "sweep": 1, **ONE}),
            ("execution.embedding_batch", 3, {}),
        ],
        2,
    ),
)
def test_results_carry_their_stamps_and_need_no_records(checkout, path, value, jobs):
    forget(checkout)
    if path:
        changed_study(checkout, path, value)
    assert checkout.planned() == jobs


def test_results_of_unknown_origin_are_named_and_not_read(checkout):
    forget(checkout)
    results = checkout.results()
    summaries = results / "metrics" / "invariance"
    shutil.rmtree(summaries / ".seals")
    done = checkout.snakemake("--dry-run")
    assert "Nothing to be done" in done.stdout + done.stderr
    assert "6 results are of unknown origin, first results/mine/metrics/invariance/" in done.stderr
    (results / "figures" / "figure_a3.pdf").unlink()
    done = checkout.snakemake("figure_a3", check=False)
    assert done.returncode
    log = (results / "logs" / "figure_a3.log").read_text()
    assert "it has no seal, so nobody knows what it is; run 'snakemake verify --config repair=true'" in log
    assert "Traceback" not in log


def test_what_is_not_there_is_not_of_unknown_origin(tmp_path):
    fresh = Checkout.make(tmp_path / "fresh")
    assert "unknown origin" not in fresh.snakemake("--dry-run", "--config", "study=demo").stderr


def test_a_cut_file_is_made_again(checkout):
    table = checkout.results() / "metrics" / "invariance" / "trained.summary.parquet"
    table.write_bytes(table.read_bytes()[:-10])
    assert checkout.planned() == {**INVARIANCE, "invariance": 1}


def verified(checkout: Checkout, **config: str) -> tuple[int, str]:
    settings = [f"{name}={value}" for name, value in {"study": "mine", **config}.items()]
    done = checkout.snakemake("verify", "--config", *settings, check=False)
    return done.returncode, done.stdout + done.stderr


def test_verify_finds_what_is_wrong_and_repairs_it(checkout, tmp_path):
    status, said = verified(checkout)
    assert (status, "0 damaged, 0 unknown, 0 stale, 0 foreign" in said) == (0, True), said
    results = checkout.results()
    view = results / "embeddings" / "trained" / "bank_a" / "shard-0"
    shard, index = results / "data" / "val" / "shard-0.arrow", results / "data" / "index.parquet"
    weights = results / "trainings" / "fscc" / "seed-0" / "model.safetensors"
    for path in (view / "rotate_4.npy", shard, index, weights):
        flip(path)
    (results / "metrics" / "invariance" / ".seals" / "trained.pairs.parquet.json").unlink()
    (results / "notes.txt").write_text("mine")
    (results / "metrics" / ".old.parquet.somewhere~1.tmp").touch()
    os.utime(results / "metrics" / ".old.parquet.somewhere~1.tmp", (0, 0))
    # What was made of damaged files is whole: the damage came later.
    status, said = verified(checkout)
    assert status == 1
    assert "4 damaged, 1 unknown, 0 stale, 1 foreign; 1 leftovers removed" in said, said
    for name in (view, index, results / "metrics/invariance/trained.pairs.parquet"):
        assert str(name.relative_to(checkout.folder)) in said
    assert "Traceback" not in said
    other = checkout.copy(tmp_path / "other")
    status, said = verified(other, repair="true")
    assert (status, "removed 5 results" in said) == (0, True), said
    assert (other.results() / "notes.txt").exists()
    assert {"index": 1, "shards": 2, "train": 2, "sweep": 2}.items() <= other.planned().items()
    # Damaged a second time, a file is as it was.
    for path in (shard, index, weights):
        flip(path)
    status, said = verified(checkout, repair="true")
    assert (status, "removed 2 results" in said) == (0, True), said
    assert checkout.planned() == {"sweep": 1, **ONE_SEED}
    checkout.snakemake()
    status, said = verified(checkout)
    assert (status, "0 damaged, 0 unknown, 0 stale, 1 foreign" in said) == (0, True), said


def test_verify_lists_what_other_settings_made(checkout):
    changed_study(checkout, "equivariance.pairs", 30)
    status, said = verified(checkout)
    assert status == 1
    assert "stale: results/mine/metrics/equivariance/trained.summary.parquet: made with key" in said
    assert " 0 damaged, 0 unknown, " in said


def test_two_workflows_do_not_share_results_at_the_same_time(checkout, tmp_path):
    clone = Checkout.make(tmp_path / "clone")
    clone.write_study(tiny_study(seed=1))
    shared = ["--config", "study=mine", f"results={checkout.folder / 'results'}"]
    with locked(checkout.results() / ".held"):
        done = clone.snakemake("table_1a", *shared, check=False)
    assert done.returncode
    assert "results/mine/.held: another job is at work here (process" in done.stderr
    assert "Traceback" not in done.stderr
    # Files of another seed are not taken for ours.
    assert {"train": 2, "table_1a": 1}.items() <= planned(clone.snakemake("table_1a", "-n", *shared).stdout).items()
