"""Where invariances come from: architecture, data, augmentation (ours)."""

from pydantic import Field

from workflow_scripts.common.settings import Block
from workflow_scripts.results.catalogue.entry import Color, Entry
from workflow_scripts.study.ladders import kind_of, ladders, tells
from workflow_scripts.workflow.files import Files
from workflow_scripts.workflow.workspace import Workspace


class AnswerFigure(Block):
    """What architecture, data and augmentation give; its models and magnitudes are those of `answer`."""

    colors: list[Color] = Field(["#0072B2", "#E69F00", "#009E73"], min_length=3, max_length=3)
    """Colours of architecture, data and augmentation; what cannot be told apart has the mean of its colours."""
    columns: int = Field(2, ge=1, le=100)
    """Architectures side by side."""


class AnswerTable(Block):
    """What architecture, data and augmentation give; its models and magnitudes are those of `answer`."""


class ClaimsTable(Block):
    """Findings of the papers, tested; models and magnitudes are those of `answer`."""

    lie: bool = False
    """Whether claims about Lie derivatives are tested, too, which measures them of all models of `lie`."""
    layers: bool = False
    """Whether the claim about layers is tested, too, which takes the errors of all models of `lie` apart."""
    equivariance: bool = False
    """Whether the claim about untrained networks is tested, too, which measures equivariance of their embeddings."""
    wordnet: bool = False
    """Whether the claim about similar classes is tested, too, which needs WordNet."""


def _inputs(workspace: Workspace, _block: Block) -> Files:
    return {"answer": workspace.answer}


def _shown(workspace: Workspace) -> Files:
    titles = {name: entry.title for name, entry in workspace.study.banks.a.entries.items()}
    return {"ladders": ladders(workspace.study), "titles": titles}


def _tells(workspace: Workspace, _block: Block) -> bool:
    return tells(ladders(workspace.study)) and max(workspace.study.banks.a.magnitudes) > 0


def _claims_inputs(workspace: Workspace, table: ClaimsTable) -> Files:
    """What else the study measures; the main architecture's trainings, but for those of classes of their own."""
    training = workspace.study.training
    own = [name for name, cell in training.cells.items() if cell.architecture == training.main_architecture]
    lie = workspace.lie_models if table.lie else []
    searched = workspace.study.similarity_search.models
    untrained = _untrained(workspace) if table.equivariance else {}
    return {
        "tables": workspace.answer_tables if _tells(workspace, table) else {},
        "runs": {name: workspace.runs(name) for name in own if name not in training.per_class_methods},
        "searches": workspace.searches_of(searched[0]) if searched else [],
        "abouts": workspace.lie_tables("about", lie),
        "summaries": workspace.lie_tables("summary", lie),
        "layers": workspace.lie_tables("kinds", workspace.lie_models if table.layers else []),
        "equivariances": {name: workspace.metric_of_seeds("equivariance", name, "summary") for name in untrained},
        "intervention": [workspace.intervention] if workspace.study.intervention else [],
        "wordnet": [workspace.metric("wordnet_similarity", name) for name in searched[:1] if table.wordnet],
    }


def _untrained(workspace: Workspace) -> dict[str, str]:
    """Untrained models of the ladders, with the kinds of their architectures."""
    found = ladders(workspace.study).values()
    return {one.untrained: kind_of(workspace.study, one) for one in found if one.untrained}


def _claims_settings(workspace: Workspace, table: ClaimsTable) -> Files:
    study, found = workspace.study, ladders(workspace.study)
    measured = [magnitude for magnitude in study.banks.a.magnitudes if magnitude > 0]
    return {
        "seeds": {name: study.seeds_of_model(name) for name in workspace.answer_tables},
        "training_seeds": study.training.seeds,
        "ladders": found,
        "kinds": {name: kind_of(study, ladder) for name, ladder in found.items()},
        "untrained": _untrained(workspace) if table.equivariance else {},
        "magnitudes": study.answer.magnitudes or measured,
    }


def _has_facts(workspace: Workspace, table: ClaimsTable) -> bool:
    study = workspace.study
    known = (study.training.methods, study.similarity_search.models, table.lie and workspace.lie_models)
    return any(known) or _tells(workspace, table)


def _models(workspace: Workspace) -> dict[str, str]:
    """Names of models for readers, with the numbers of their seeds."""
    labels = workspace.labels(workspace.study.models)
    return {name: f"{label} (n = {len(workspace.study.members(name))})" for name, label in labels.items()}


FIGURE_ANSWER = Entry(
    name="figure_answer",
    number="answer",
    shows="architecture, data, augmentation",
    summary="how much of each invariance the architecture, the data and the augmentation give",
    source="ours",
    category="Answer",
    does_not_show=(
        "The parts add up to the trained network's invariance whatever causes it. That the data add something does not "
        "say which property of the data does. Models that differ in more than one thing cannot be told apart by it."
    ),
    block=AnswerFigure,
    default=AnswerFigure(),
    inputs=_inputs,
    settings=lambda workspace, figure: {
        **_shown(workspace),
        "models": _models(workspace),
        "figure": figure,
    },
    needs=_tells,
)
FIGURE_ANSWER_ERRORS = Entry(
    name="figure_answer_errors",
    number="answer, equivariance",
    shows="architecture, data, augmentation",
    summary="how much of each local equivariance the architecture, the data and the augmentation give",
    source="ours",
    category="Answer",
    does_not_show=(
        "Large shifts and rotations: a Lie derivative is about the smallest ones. The error is a share of how much the "
        "answers differ between images, so a model can lower it by telling images apart better."
    ),
    block=AnswerFigure,
    default=None,
    inputs=lambda workspace, _: {"answer": workspace.answer_errors},
    settings=lambda workspace, figure: {
        "ladders": ladders(workspace.study),
        "models": _models(workspace),
        "figure": figure,
    },
    needs=lambda workspace, _: tells(ladders(workspace.study)),
)
FIGURE_ANSWER_EQUIVARIANCE = Entry(
    name="figure_answer_equivariance",
    number="answer, embeddings",
    shows="architecture, data, augmentation",
    summary="how much of each equivariance of embeddings the architecture, the data and the augmentation give",
    source="ours",
    category="Answer",
    does_not_show=(
        "Whether a model uses what its embeddings keep. Where a transformation leaves an embedding as it is, there is "
        "no equivariance to measure: pairs with such an image are left out."
    ),
    block=AnswerFigure,
    default=None,
    inputs=lambda workspace, _: {"answer": workspace.answer_equivariance},
    settings=lambda workspace, figure: {**_shown(workspace), "models": _models(workspace), "figure": figure},
    needs=_tells,
)
TABLE_ANSWER = Entry(
    name="table_answer",
    number="answer",
    shows="architecture, data, augmentation",
    summary="how much of each invariance the architecture, the data and the augmentation give, with intervals",
    source="ours",
    category="Answer",
    does_not_show=(
        "The parts add up to the trained network's invariance whatever causes it. That the data add something does not "
        "say which property of the data does. Models that differ in more than one thing cannot be told apart by it."
    ),
    block=AnswerTable,
    default=AnswerTable(),
    inputs=_inputs,
    settings=lambda workspace, _: _shown(workspace),
    needs=_tells,
    parts={"_contrasts": "differences of models", "_magnitudes": "per magnitude"},
)
TABLE_CLAIMS = Entry(
    name="table_claims",
    number="claims",
    shows="the papers' findings, tested",
    summary="findings of the papers as hypotheses, each with its effect, interval, n and verdict",
    source="ours",
    category="Answer",
    does_not_show=(
        "A verdict is about the models and images of this study, not about the papers'. Undecided is not a no: it says "
        "that these images and seeds are too few to tell."
    ),
    block=ClaimsTable,
    default=ClaimsTable(),
    inputs=_claims_inputs,
    settings=_claims_settings,
    needs=_has_facts,
)
