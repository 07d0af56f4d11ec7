"""Rule `report`: the page that is sent to a colleague, with everything in one file."""

import base64
import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import atomic
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.results.page import assemble, origin
from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.caveats import caveats
from workflow_scripts.results.page.examples import examples
from workflow_scripts.results.page.interactive import SOURCES, Interactive, interactive
from workflow_scripts.results.page.methods import methods
from workflow_scripts.results.page.summary import summary
from workflow_scripts.results.page.verdicts import Verdict, verdicts
from workflow_scripts.results.study import load_study, shown_values
from workflow_scripts.study.config import Config, study_file
from workflow_scripts.workflow.workspace import Workspace

TEMPLATES = Path(__file__).parent / "page" / "templates"
# Findings on the first screen, if the study has no claims.
MOST_FINDINGS = 5


def report(
    *,
    results: dict[str, Path],
    captions: Path,
    invariances: dict[str, list[Path]],
    equivariances: dict[str, list[Path]],
    searches: dict[str, Path],
    histories: dict[str, list[Path]],
    index: list[Path],
    examples: list[Path],
    configuration: Config,
    output: Path,
) -> None:
    """Write the page of a study to `output`, which needs no other file and no network.

    `results` has what the files of each figure and table begin with, by name; `captions` is the folder of what is said
    under them. Sentences and warnings are computed from these and from the other tables, any of which may be absent:
    pairs of invariance and summaries of equivariance of every network, searches, histories of trainings, the index of
    the images, and `examples`, the images behind the invariances. Raises `InputError` for a damaged file.
    """
    path = study_file(configuration.study)
    study = load_study(path)
    workspace = Workspace(path.stem, configuration, study)
    seen, shown = (paths[0] if paths else None for paths in (index, examples))
    behind = Behind(workspace, study, invariances, equivariances, searches, histories, seen, shown)
    drawn = {name: assemble.read_data(results[name].with_suffix(".csv")) for name in SOURCES if name in results}
    items, chosen = assemble.items(results, captions, behind), interactive(drawn, behind)
    page = rendered(behind, items, verdicts(results), chosen)
    with atomic(output) as temporary:
        temporary.write_text(page, encoding="utf-8")


def rendered(
    behind: Behind, items: list[assemble.Item], claims: list[Verdict], chosen: Interactive | None = None
) -> str:
    """The page as HTML. Every text that is no `Markup` is escaped."""
    script, style = ((TEMPLATES / f"page.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))
    scripts = [chosen.library, script] if chosen else [script]
    loaded = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return loaded.get_template("page.html").render(
        title=behind.study.title or behind.workspace.name,
        name=behind.workspace.name,
        summary=summary(behind),
        claims=claims,
        items=items,
        main=assemble.main_figure(items),
        highlights=[one for one in items if one.entry.kind == "figure"][:MOST_FINDINGS],
        sections=assemble.sections(items),
        examples=examples(behind),
        caveats=caveats(behind),
        methods=methods(behind, {one.entry.name for one in items}),
        interactive=chosen,
        content=Markup(chosen.content if chosen else ""),
        scripts=[Markup(one) for one in scripts],
        style=Markup(style),
        digests=[_digest(one) for one in scripts],
        **_origin(behind),
    )


def _origin(behind: Behind) -> dict[str, Any]:
    """What the end of the page says."""
    results = Path(behind.workspace.results)
    costs = origin.costs(results, Path(".snakemake") / "metadata")
    return {
        "study": assemble.study_text(shown_values(behind.study)),
        "versions": origin.versions(),
        "commit": origin.commit(ROOT),
        "costs": assemble.as_table(costs.rename(columns={"memory": "memory (MB)"}), "cost of every rule"),
        "total": origin.total(costs["minutes"]),
        "written": datetime.now().astimezone().strftime("%d %B %Y, %H:%M %Z").lstrip("0"),
    }


def _digest(script: str) -> str:
    """What the page's policy calls a script that may run."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


if __name__ == "__main__":
    run(report)
