"""What is generated for editors and readers: the schema of a study file, its keys, and the targets.

`python -m workflow_scripts.results.reference` writes `studies/schema.json`, and the tables between marks in
`docs/keys.md`, `docs/targets.md` and `docs/columns.md`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from workflow_scripts.common.columns import COLUMNS
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.common.settings import KEYS_OF
from workflow_scripts.results.catalogue import ENTRIES
from workflow_scripts.results.study import Study
from workflow_scripts.study.config import STUDIES
from workflow_scripts.study.validation import members

SCHEMA = STUDIES / "schema.json"
KEYS = ROOT / "docs" / "keys.md"
TARGETS = ROOT / "docs" / "targets.md"
COLUMNS_PAGE = ROOT / "docs" / "columns.md"
MARKS = ("<!-- generated: begin -->", "<!-- generated: end -->")


def json_schema() -> str:
    """JSON schema of a study file, for editors."""
    return json.dumps(Study.model_json_schema(), indent=2) + "\n"


def key_table() -> str:
    """Markdown table of every key of a study: key, default, meaning."""
    rows = ["| key | default | meaning |", "|---|---|---|"]
    rows += [f"| `{key}` | {default} | {meaning} |" for key, default, meaning in study_keys()]
    return "\n".join(rows)


def target_table() -> str:
    """Markdown table of every figure and table: target, what it shows, where it comes from."""
    rows = ["| target | what it shows | source |", "|---|---|---|"]
    rows += [f"| `{entry.name}` | {entry.summary} | {entry.source} |" for entry in ENTRIES]
    return "\n".join(rows)


def column_table() -> str:
    """Markdown table of every column of the Parquet tables: column, meaning."""
    rows = ["| column | meaning |", "|---|---|"]
    rows += [f"| `{name}` | {meaning.replace('|', '&#124;')} |" for name, meaning in COLUMNS.items()]
    return "\n".join(rows)


def study_keys() -> Iterator[tuple[str, str, str]]:
    """Key, default and meaning of every key that a study may have; NAME stands for names of the study's own."""
    return _rows(Study, "", None)


def _rows(block: type[BaseModel], prefix: str, values: BaseModel | None) -> Iterator[tuple[str, str, str]]:
    """Key, default and meaning of every key of `block`, whose defaults are `values` where its parent sets them."""
    for name, field in block.model_fields.items():
        key = f"{prefix}{name}"
        if isinstance(field.json_schema_extra, dict) and (same := field.json_schema_extra.get(KEYS_OF)):
            yield key, f"keys of `{same}`", (field.description or "").replace("\n", " ")
            continue
        inner = [
            member
            for outer in members(field.annotation)
            for member in (members(get_args(outer)[-1]) if get_origin(outer) is dict else [outer])
            if isinstance(member, type) and issubclass(member, BaseModel)
        ]
        default = getattr(values, name) if values else field.get_default(call_default_factory=True)
        # A name may stand where a block may.
        if not inner or str in members(field.annotation):
            yield key, _shown(field, default), (field.description or "").replace("\n", " ")
        shown: set[str] = set()
        for member in inner:
            path = f"{key}.NAME." if get_origin(members(field.annotation)[0]) is dict else f"{key}."
            for row in _rows(member, path, default if isinstance(default, member) else None):
                if row[0] not in shown:
                    shown.add(row[0])
                    yield row


def _shown(field: Any, value: Any) -> str:
    if field.is_required():
        return "required"
    return f"`{json.dumps(value).replace('|', '&#124;')}`"


def between_marks(text: str) -> str:
    """The generated part of a page."""
    return text.partition(MARKS[0])[2].partition(MARKS[1])[0].strip("\n")


def write_references() -> None:
    """Write the JSON schema, and the tables between their marks."""
    SCHEMA.write_text(json_schema())
    for page, table in ((KEYS, key_table()), (TARGETS, target_table()), (COLUMNS_PAGE, column_table())):
        _write_between_marks(page, table)


def _write_between_marks(page: Path, table: str) -> None:
    before, _, rest = page.read_text().partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    page.write_text(f"{before}{MARKS[0]}\n{table}\n{MARKS[1]}{after}")


if __name__ == "__main__":
    write_references()
