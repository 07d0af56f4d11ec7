"""Every figure and table that a study can have: all entries of the modules here."""

import importlib
import pkgutil
import re

from workflow_scripts.results.catalogue.entry import AnyEntry, Entry


def _entries() -> list[AnyEntry]:
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    found = {value.name: value for module in modules for value in vars(module).values() if isinstance(value, Entry)}
    return sorted(found.values(), key=lambda entry: _natural(entry.name))


def _natural(name: str) -> list[tuple[bool, str | int]]:
    """Sorts 2 before 10, and numbers before letters."""
    return [(not part.isdigit(), int(part) if part.isdigit() else part) for part in re.findall(r"\d+|\D+", name)]


ENTRIES = _entries()
FIGURES = [entry for entry in ENTRIES if entry.kind == "figure"]
TABLES = [entry for entry in ENTRIES if entry.kind == "table"]
