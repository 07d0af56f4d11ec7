"""Packages that only some sources of models need."""

import importlib
from types import ModuleType

from workflow_scripts.common.errors import InputError


def optional(module: str, package: str) -> ModuleType:
    """The imported `module`; raises `InputError` that says how to install its `package` where it is absent."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"a model of {module!r} needs the package {package}, which is not installed; "
            "install it with: pip install -r envs/extras.txt"
        ) from error
