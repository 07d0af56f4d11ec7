"""From the values of config.yaml to a study that runs."""

from typing import Any

from workflow_scripts.common.provenance import ROOT
from workflow_scripts.results.study import Study, load_study
from workflow_scripts.steps import compare, data, embeddings, foreground, lie, metrics, models, results, training
from workflow_scripts.study.config import load_config, study_file
from workflow_scripts.workflow.folders import check_folders
from workflow_scripts.workflow.workspace import Workspace


def start(
    values: dict[str, Any], snakefile: str = str(ROOT / "Snakefile"), *, as_module: bool = False
) -> tuple[Workspace, Study]:
    """The study that the values of config.yaml name, and its workspace with all steps.

    `snakefile` is the workflow that they are run by. As a module of another workflow, this one shares its values with
    that one, so keys that it does not know are no mistakes. Raises `InputError` for mistakes in the values, in the
    study, and in the names of the folders that it runs in.
    """
    check_folders()
    config = load_config(values, others=as_module)
    path = study_file(config.study)
    study = load_study(path)
    workspace = Workspace(path.stem, config, study)
    data.declare(workspace)
    training.declare(workspace)
    models.declare(workspace)
    embeddings.declare(workspace, study.figures.figure_a2)
    for module in (metrics, foreground, lie):
        module.declare(workspace)
    results.declare(workspace, study, snakefile)
    compare.declare(workspace)
    workspace.sources.remember()
    return workspace, study
