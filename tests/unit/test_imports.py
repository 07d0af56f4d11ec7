"""What the module of each step imports: torch only where images are tensors, so that no other job waits for it."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

from workflow_scripts.common.provenance import ROOT
from workflow_scripts.steps.start import start

STUDIES = ("miniature", "imagenet", "zoo", "demo")
HEAVY = {"torch", "timm", "torchvision", "transformers", "open_clip"}
# Networks; and what decodes or transforms images, which are tensors here.
NETWORKS = {
    "embeddings.closure_sweep",
    "embeddings.pair_sweep",
    "embeddings.sweep",
    "lie.equivariance_error",
    "lie.layerwise",
    "metrics.evaluate_augerino",
    "metrics.zoom_sweep",
    "models.build_model",
    "models.download_weights",
    "steps.calibrate",
    "training.train",
}
TENSORS = {"embeddings.show_banks", "foreground.foreground", "metrics.extremes", "steps.verify"}
# They need one function of a module that brings torch along.
FOR_A_FUNCTION = {"metrics.similarity_search", "results.tables.table_models"}


@cache
def imported(module: str) -> frozenset[str]:
    """Modules that `module` imports when it is imported, those that these import included; ours by their full names."""
    path = ROOT / Path(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.update({node.module or ""} | {f"{node.module}.{name.name}" for name in node.names})
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not _for_types(node):
            waiting += ast.iter_child_nodes(node)
    ours = {name for name in found if name.startswith("workflow_scripts.") and _is_module(name)}
    outside = {name.split(".")[0] for name in found if not name.startswith("workflow_scripts")}
    _KNOWN[module] = outside
    return frozenset(ours)


_KNOWN: dict[str, set[str]] = {}


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _is_module(name: str) -> bool:
    path = ROOT / Path(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def libraries(module: str) -> set[str]:
    """Packages of others that come with a module."""
    seen: set[str] = set()
    waiting = [f"workflow_scripts.{module}"]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += imported(name)
    return set().union(*(_KNOWN[name] for name in seen))


def modules() -> set[str]:
    """The modules of all steps."""
    return {step.module for study in STUDIES for step in start({"study": study})[0].steps.all}


def test_only_networks_bring_torch():
    heavy = {module for module in modules() if libraries(module) & HEAVY}
    known = NETWORKS | TENSORS | FOR_A_FUNCTION
    assert heavy <= known, "import torch where it is used, or add the module to those that run networks"
    # The test would notice.
    assert "training.train" in heavy


def test_no_figure_brings_what_it_does_not_draw_with():
    results = {module for module in modules() if module.startswith(("results.figures", "results.tables"))}
    assert len(results) > 30
    unwanted = {"onnxruntime", *HEAVY}
    assert {module for module in results - FOR_A_FUNCTION if libraries(module) & unwanted} == set()
    tables = {module for module in results if module.startswith("results.tables")}
    assert {module for module in tables if "matplotlib" in libraries(module)} == set()


def test_a_dry_run_reads_the_study_without_torch():
    for module in ("steps.start", "steps.estimates", "steps.status"):
        assert not libraries(module) & (HEAVY | {"matplotlib", "scipy"})


def test_figures_and_tables_import_no_statistics_that_they_do_not_use():
    """SciPy's statistics take as long to import as all else that a figure needs; most need a quantile or two."""
    names = (
        "figures.figure_2",
        "figures.figure_a3",
        "figures.figure_answer",
        "figures.figure_curves",
        "tables.table_1a",
    )
    wanted = "; ".join(f"import workflow_scripts.results.{name}" for name in names)
    shown = f"import sys; {wanted}; print([name for name in sys.modules if name.startswith('scipy.stats')])"
    done = subprocess.run([sys.executable, "-c", shown], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
