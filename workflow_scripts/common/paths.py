"""Paths that a user writes: what `~` and `$NAME` in them stand for, and what a path must not hold."""

import os
from pathlib import Path
from string import Template
from typing import Annotated

from pydantic import AfterValidator

from workflow_scripts.common.text import BRACES, has_controls


def expanded(path: str) -> str:
    """`path` with the home folder in place of a leading `~` or `~user`, and with the values of variables.

    `$NAME` and `${NAME}` stand for environment variables, `$$` for a dollar. Any other dollar, and a `~` that is not
    the first character, is part of the path. Raises `ValueError` for a variable that is unset or empty, and for a home
    folder that is not known.
    """
    home, rest = "", path
    if path.startswith("~"):
        user, slash, rest = path.partition("/")
        home = os.path.expanduser(user)  # noqa: PTH111 - what follows is no path yet
        if home == user:
            raise ValueError(f"the home folder {user!r} is not known; write './{user}' for a file of that name")
        # What a variable holds is part of the path, whatever its characters.
        rest = slash + rest
    template = Template(rest)
    for name in template.get_identifiers():
        if not os.environ.get(name):
            raise ValueError(f"the environment variable {name} is not set; set it, or write '$$' for a dollar")
    return home + template.safe_substitute(os.environ)


def _expandable(path: str) -> str:
    """`path` as it is written; raises `ValueError` where `expanded` would, and for what would garble a log."""
    if has_controls(expanded(path)):
        raise ValueError("a path must not hold control characters or bytes that are not UTF-8; rename it")
    return path


def _plain_folder(path: str) -> str:
    if BRACES.search(expanded(path)):
        raise ValueError(
            "Snakemake takes braces in a path of results for wildcards; give a folder without '{' and '}' in its path"
        )
    return path


UserPath = Annotated[str, AfterValidator(_expandable)]
"""A path as the user writes it. It stays so where it is kept or compared; `expanded` gives the place."""
ResultsPath = Annotated[UserPath, AfterValidator(_plain_folder)]
"""Such a path of a folder in which Snakemake makes files."""


def in_folder(folder: str, path: str) -> str:
    """The place of `path`, which starts in `folder` where it is relative, both as the user writes them."""
    return (Path(expanded(folder)) / expanded(path)).as_posix()
