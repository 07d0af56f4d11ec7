"""The models themselves."""

from workflow_scripts.common.settings import Block
from workflow_scripts.results.catalogue.entry import Entry


class ModelTable(Block):
    """What each model is, sees, and is embedded by."""


TABLE_MODELS = Entry(
    name="table_models",
    number="models",
    shows="what each model sees",
    summary="what each model is, how its images are prepared, and what is embedded",
    source="ours",
    does_not_show="How well the models do: it says only what they are and see.",
    category="Models",
    block=ModelTable,
    default=ModelTable(),
    inputs=lambda workspace, _: {"networks": [workspace.network(name) for name in workspace.study.models]},
    settings=lambda workspace, _: {
        "labels": workspace.labels(workspace.study.models),
        "trainings": {
            name: training for name in workspace.study.models if (training := workspace.study.training_of(name))
        },
    },
    needs=lambda workspace, _: bool(workspace.study.models),
)
