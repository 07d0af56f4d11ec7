"""The user's Python files that a study names: which they are, and what settings call them in a job.

A setting that names such a file reaches its job with the fingerprint of the file in place of its path. So the key
changes with the file's contents and not with its place, and the job can see that the file is still the same.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.user_code import check_defined, definition_in
from workflow_scripts.data.sources import is_file
from workflow_scripts.transformations.settings import BankA, BankB, OwnTransformation
from workflow_scripts.workflow.sources import ABSENT, Source
from workflow_scripts.workflow.workspace import Workspace

Bank = TypeVar("Bank", BankA, BankB)


def source_of(workspace: Workspace, file: str) -> Source:
    """A Python file of the study."""
    return workspace.sources.file(workspace.in_data(file), file)


def check_function(workspace: Workspace, key: str, function: str) -> None:
    """Raise `InputError` where a `function` of the study's `key` cannot be had, as far as can be seen without running.

    A file that is absent now, and was not before, is no mistake until a job needs it.
    """
    definition = definition_in(function)
    if definition is None:
        return
    path = Path(workspace.in_data(definition.file))
    if not is_file(path) and source_of(workspace, definition.file).fingerprint != ABSENT:
        return
    try:
        check_defined(path, definition.name)
    except InputError as error:
        raise InputError(f"{key}: {error}") from error


def check_own_code(workspace: Workspace) -> None:
    """Raise `InputError` for the first function of the study's banks that cannot be had."""
    banks = workspace.study.banks
    for name, custom in (("a", banks.a.custom), ("b", banks.b.custom)):
        for own, transformation in custom.items():
            check_function(workspace, f"banks.{name}.custom.{own}.function", transformation.function)


def called(workspace: Workspace, function: str) -> str:
    """What a job calls a function: a file by its fingerprint."""
    definition = definition_in(function)
    if definition is None:
        return function
    return f"{source_of(workspace, definition.file).fingerprint}.py:{definition.name}"


def code_of(workspace: Workspace, custom: Mapping[str, OwnTransformation]) -> dict[str, Source]:
    """The files of transformations, by what a job calls them."""
    return files_of(workspace, [one.function for one in custom.values()])


def files_of(workspace: Workspace, functions: list[str]) -> dict[str, Source]:
    """The files of functions, by what a job calls them."""
    definitions = filter(None, map(definition_in, functions))
    sources = [source_of(workspace, definition.file) for definition in definitions]
    return {f"{source.fingerprint}.py": source for source in sources}


def by_fingerprint(workspace: Workspace, bank: Bank) -> Bank:
    """The bank as jobs are told it: with files by their fingerprints, and without names for readers."""
    own = {
        name: one.model_copy(update={"function": called(workspace, one.function), "title": None})
        for name, one in bank.custom.items()
    }
    return bank.model_copy(update={"custom": own})
