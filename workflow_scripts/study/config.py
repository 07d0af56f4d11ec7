"""config.yaml: which study runs, and where data and results live."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.paths import ResultsPath, UserPath, expanded
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.common.settings import Block, unknown_name
from workflow_scripts.common.text import check_study_name
from workflow_scripts.data.sources import is_file
from workflow_scripts.study.validation import validated

STUDIES = ROOT / "studies"


def _names(given: Any) -> Any:
    return [name for name in given.replace(" ", "").split(",") if name] if isinstance(given, str) else given


class Config(Block):
    """config.yaml: which study runs, and where data and results live."""

    study: UserPath
    """Name of a file in studies/ without `.yaml`, or the path of a study file."""
    data: UserPath = "data"
    """Folder of datasets and weights; relative paths in a study start here. `~` and `$NAME` are expanded."""
    results: ResultsPath = "results"
    """Folder of results; each study writes to a folder of its own name in it. `~` and `$NAME` are expanded."""
    studies: Annotated[list[UserPath], BeforeValidator(_names)] = []
    """Studies whose results `snakemake compare` sets side by side: names or paths, with commas between."""
    calibrations: Annotated[list[UserPath], BeforeValidator(_names)] = []
    """Studies of generated images that `snakemake compare_calibrations` sets side by side, given as `studies` are."""
    repair: bool = False
    """Whether `snakemake verify` removes what is damaged, unknown or out of date, so that the next run makes it."""


def load_config(values: dict[str, Any], *, others: bool = False) -> Config:
    """Check the values of config.yaml and --config; raises `InputError`.

    With `others`, keys of somebody else may be among them.
    """
    own = {name: value for name, value in values.items() if name in Config.model_fields} if others else values
    return validated(Config, own, "config.yaml or --config")


def study_file(study: str, key: str = "study") -> Path:
    """The file of a study given, as `key`, by name or by path; raises `InputError` where there is none."""
    study = expanded(study)
    path = Path(study) if study.endswith((".yaml", ".yml")) else STUDIES / f"{study}.yaml"
    try:
        check_study_name(path.stem)
    except ValueError as error:
        raise InputError(f"config.yaml or --config: {key}: {study}: {error}") from error
    is_there = is_file(path)
    if not is_there and path.suffix and path == Path(study):
        raise InputError(f"config.yaml or --config: {key}: there is no file {study!r}; give its path from here")
    if not is_there:
        known = [file.stem for file in STUDIES.glob("*.yaml")]
        raise InputError(f"config.yaml or --config: {key}: {unknown_name('study', study, known)}, or give a file")
    return path
