"""What is known of a study's keys, for editors and readers.

`python -m workflow_scripts.study_reference` writes `studies/schema.json` and the table of keys in README.md.
"""

import json
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from workflow_scripts.common.provenance import ROOT
from workflow_scripts.common.validation import members
from workflow_scripts.study import STUDIES, Study

SCHEMA = STUDIES / "schema.json"
README = ROOT / "README.md"
TABLE_MARKS = ("<!-- study keys: begin -->", "<!-- study keys: end -->")


def json_schema() -> str:
    """JSON schema of a study file, for editors."""
    return json.dumps(Study.model_json_schema(), indent=2) + "\n"


def reference_table() -> str:
    """Markdown table of every key of a study: key, default, meaning."""
    rows = ["| key | default | meaning |", "|---|---|---|"]
    rows += [f"| `{key}` | {default} | {meaning} |" for key, default, meaning in study_keys()]
    return "\n".join(rows)


def study_keys() -> Iterator[tuple[str, str, str]]:
    """Key, default and meaning of every key that a study may have; NAME stands for names of the study's own."""
    return _rows(Study, "", None)


def _rows(block: type[BaseModel], prefix: str, values: BaseModel | None) -> Iterator[tuple[str, str, str]]:
    """Key, default and meaning of every key of `block`, whose defaults are `values` where its parent sets them."""
    for name, field in block.model_fields.items():
        key = f"{prefix}{name}"
        inner = [
            member
            for outer in members(field.annotation)
            for member in (members(get_args(outer)[-1]) if get_origin(outer) is dict else [outer])
            if isinstance(member, type) and issubclass(member, BaseModel)
        ]
        default = getattr(values, name) if values else field.get_default(call_default_factory=True)
        if not inner:
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


def write_references() -> None:
    """Write the JSON schema, and the table of keys between its marks in README.md."""
    SCHEMA.write_text(json_schema())
    text = README.read_text()
    before, _, rest = text.partition(TABLE_MARKS[0])
    _, _, after = rest.partition(TABLE_MARKS[1])
    README.write_text(f"{before}{TABLE_MARKS[0]}\n{reference_table()}\n{TABLE_MARKS[1]}{after}")


if __name__ == "__main__":
    write_references()
