"""Rule `snakemake_report`: Snakemake's own report, with the graph of rules and the settings of every job."""

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import atomic
from workflow_scripts.common.seals import proved
from workflow_scripts.study.config import Config

# What Snakemake's template tells the page, each in a line of its own: a variable and its value as JSON.
DATA = re.compile(r'(<script id="([\w-]+)">\n *var \w+ = )([^\n]*)(;\n *</script>)')
# Scripts of the page that hold what the study, its paths and its names say.
USERS = {"workflow-desc", "results", "categories", "rulegraph", "rules"}
# Characters that could end a script, or begin a comment in it, as escapes that only texts within JSON can need.
HARMLESS = str.maketrans({one: f"\\u{ord(one):04x}" for one in "<>&\u2028\u2029"})


def snakemake_report(
    *,
    figures: list[Path],
    tables: list[Path],
    stylesheet: Path,
    snakefile: Path,
    configuration: Config,
    output: Path,
) -> None:
    """Have Snakemake write its report on the targets that make `figures` and `tables` to `output`.

    Its `stylesheet` keeps the front page within the screen.

    A second Snakemake reads what the first has recorded; it changes nothing, so it needs no lock. Raises `InputError`
    where it fails, and for a damaged figure or table.
    """
    for path in (*figures, *tables):
        for file in path.parent.glob(f"{path.stem}.*"):
            proved(file)
    with atomic(output) as temporary, TemporaryDirectory() as folder:
        # From a file: on a command line, Snakemake takes the value of a setting for YAML.
        settings = Path(folder) / "config.json"
        settings.write_text(configuration.model_dump_json(), encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile), "--nolock"]
        wanted = [str(path) for path in (*figures, *tables)]
        options = [f"--report={temporary}", f"--report-stylesheet={stylesheet}", f"--configfile={settings}"]
        done = subprocess.run([*command, *options, "--", *wanted], check=False)
        if done.returncode:
            raise InputError(f"{output}: Snakemake could not write its report; what it said stands above")
        temporary.write_text(without_markup(temporary.read_text(encoding="utf-8")), encoding="utf-8")


def without_markup(page: str) -> str:
    """Snakemake's `page` with all text in it that is a user's as mere text.

    The template puts JSON into scripts as it is, so that `</script>` in a label would end one. Raises `InputError` for
    the page of a version of Snakemake that has another template.
    """
    if found := USERS.difference(match[2] for match in DATA.finditer(page)):
        raise InputError(
            f"this version of Snakemake writes its report in another way (no {', '.join(sorted(found))}); "
            "use envs/requirements.lock"
        )
    return DATA.sub(lambda match: match[1] + match[3].translate(HARMLESS) + match[4], page)


if __name__ == "__main__":
    run(snakemake_report)
