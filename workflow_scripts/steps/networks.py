"""The networks that the jobs of a study run, each by one key for all jobs that run the same."""

from workflow_scripts.augerino.settings import Learning
from workflow_scripts.models.settings import Model
from workflow_scripts.workflow.workspace import Workspace


def of_training(workspace: Workspace, method: str) -> str:
    """The key of the network that a training trains: one for all trainings of an architecture."""
    study = workspace.study
    own = study.augerino.base_method if study.augerino and method in study.augerino.methods else method
    return f"architecture {study.training.cells[own].architecture}"


def of_model(workspace: Workspace, member: str) -> str:
    """The key of the network of a model: of all of its seeds one, and that of its training where it is one."""
    study = workspace.study
    training = study.training_of_network(member)
    if training is not None:
        return of_training(workspace, training)
    return f"model {next(name for name in study.models if member in study.members(name))}"


def networks(workspace: Workspace) -> dict[str, Model]:
    """How each of them is built."""
    study, training = workspace.study, workspace.study.training
    side = study.preprocessing.crop
    found = {
        of_training(workspace, name): Model(timm=training.timm_name(name), args=training.args(name), crop=side)
        for name in training.cells
    }
    for name, model in study.models.items():
        if study.training_of(name) is None:
            found[of_model(workspace, name)] = model
    return found


def recipes(workspace: Workspace) -> dict[str, str]:
    """A training of each architecture, by the architecture's key."""
    found: dict[str, str] = {}
    for name in workspace.study.training.cells:
        found.setdefault(of_training(workspace, name), name)
    return found


def copies_of(learning: Learning | None) -> tuple[int, int]:
    """How often a training and its evaluation see each image."""
    if learning is None:
        return 1, 1
    return learning.train_copies, learning.test_copies if learning.on_in_evaluation else 1
