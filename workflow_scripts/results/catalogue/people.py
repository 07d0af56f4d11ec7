"""Does the search agree with people? (ours)"""

from collections.abc import Iterator

from workflow_scripts.common.settings import Block
from workflow_scripts.data.settings import ImageNetC, ImageNetVariant, Planted, TinyImageNet
from workflow_scripts.results.catalogue.entry import Entry
from workflow_scripts.study.measurements import Measurements, Reference
from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.workspace import Workspace

CATEGORY = "Similarity search"
# Images of other names, or of ImageNet's names with other contents.
NOT_IMAGENET = (Planted, TinyImageNet, ImageNetVariant, ImageNetC)


class PeopleFigure(Block):
    """Agreement of the similarity search with people's annotations, for one model."""

    model: str | None = None
    """Model of the similarity search to draw. The default is the first."""


class PeopleTable(Block):
    """Agreement of the similarity search with people's annotations."""


def _has_people(workspace: Workspace, _block: Block) -> bool:
    study = workspace.study
    return bool(study.similarity_search.models) and not isinstance(study.dataset, NOT_IMAGENET)


def _tables(workspace: Workspace, _table: PeopleTable) -> Files:
    models = workspace.study.similarity_search.models
    return {
        kind: [workspace.people(model, part) for model in models]
        for kind, part in (("over_classes", "classes"), ("by_images", "images"), ("factors", "factors"))
    }


def _model(workspace: Workspace, figure: PeopleFigure) -> str:
    return figure.model or workspace.study.similarity_search.models[0]


def _references(study: Measurements, figure: PeopleFigure) -> Iterator[Reference]:
    if figure.model:
        yield Reference("model", figure.model, "model of similarity_search", study.similarity_search.models)


FIGURE_PEOPLE = Entry(
    name="figure_people",
    number="people",
    shows="agreement with people",
    summary="does the search score classes as people do? All factors of ImageNet-X against all operations",
    source="ours",
    does_not_show=(
        "That the search is wrong where it does not agree: most factors that people name are nothing an operation does "
        "to an image, and pose is not rotation."
    ),
    category=CATEGORY,
    block=PeopleFigure,
    default=None,
    inputs=lambda workspace, figure: {
        "over_classes": workspace.people(_model(workspace, figure), "classes"),
        "factors": workspace.people(_model(workspace, figure), "factors"),
    },
    settings=lambda workspace, figure: {
        "label": workspace.first_labels([_model(workspace, figure)])[_model(workspace, figure)]
    },
    needs=_has_people,
    references=_references,
)
TABLE_PEOPLE = Entry(
    name="table_people",
    number="people",
    shows="agreement with people over classes",
    summary="the search against the factors that people see (ImageNet-X): the papers' rankings and ours",
    source="ours",
    does_not_show=(
        "Which of search and people is right. Annotators named what makes an image differ from three typical ones, and "
        "no agreement can be higher than the ceiling that their number of images allows. Pose is not rotation."
    ),
    category=CATEGORY,
    block=PeopleTable,
    default=None,
    inputs=_tables,
    settings=lambda workspace, _: {"labels": workspace.first_labels(workspace.study.similarity_search.models)},
    needs=_has_people,
    parts={"_images": "agreement with people by image", "_factors": "what can be compared, and what cannot"},
)
