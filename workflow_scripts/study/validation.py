"""Mistakes in a file of settings, each in one line: the key, what is wrong, what is allowed, the nearest name."""

import datetime
import types
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.settings import NAME_OR_BLOCK, unknown_name
from workflow_scripts.data.settings import KINDS

SHOWN = (str, int, float, datetime.date, type(None))
QUOTE = "; put it into quotes"
QUOTE_WORD = f"{QUOTE}, as YAML reads yes, no, on and off as true and false"
LONGEST = 80
TAGS = (*KINDS, *NAME_OR_BLOCK)
AnyModel = TypeVar("AnyModel", bound=BaseModel)


def validated(model: type[AnyModel], values: dict[str, Any], where: str) -> AnyModel:
    """`values` as a `model`; raises `InputError` with one line about the first mistake in the file `where`."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        # A misspelt key is often also a missing one: the misspelling says more.
        errors = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise InputError(f"{where}: {_sentence(model, errors[0])}{more}") from error


def _sentence(model: type[BaseModel], error: ErrorDetails) -> str:
    """One line about one mistake: the key, what is wrong, what is allowed, the nearest name."""
    location = [str(part) for part in error["loc"]]
    if error["type"] == "extra_forbidden":
        *parents, key = location
        known = _keys_at(model, parents)
        # The tag of a dataset's kind is part of pydantic's location, not of the file.
        parents = [part for part in parents if part not in TAGS]
        prefix = ".".join([*parents, ""]) if parents else ""
        return f"{prefix}{key}: {unknown_name('key', key, known)}"
    location = [part for part in location if part not in TAGS]
    if location[-1:] == ["[key]"]:
        # A name of the user's, which may look like anything.
        location = [*location[:-2], repr(location[-2])]
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        kinds = error["ctx"].get("expected_tags", ", ".join(map(repr, KINDS)))
        given = error["ctx"].get("tag")
        return f"{'.'.join(location)}.kind: " + (
            f"{given!r} is not one of {kinds}" if given else f"missing; give one of {kinds}"
        )
    message = error["msg"].removeprefix("Value error, ")
    given = error.get("input")
    shown = f", not {_shown(given)}" if isinstance(given, SHOWN) and "error" not in error["type"] else ""
    if error["type"] == "string_type" and isinstance(given, SHOWN) and given is not None:
        shown += QUOTE_WORD if isinstance(given, bool) else QUOTE
    # A check of a whole block begins with the key within the block.
    separator = "." if error["type"] == "value_error" and message.startswith("methods.") else ": "
    return f"{'.'.join(location)}{separator}{message}{shown}" if location else f"{message}"


def _shown(given: Any) -> str:
    """A value as a message quotes it, not at any length."""
    text = str(given) if isinstance(given, datetime.date) else repr(given)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _keys_at(model: type[BaseModel], location: list[str]) -> list[str]:
    """Names of the keys that a block at `location` may have."""
    blocks: list[Any] = [model]
    for part in location:
        if part in NAME_OR_BLOCK:
            continue
        inner: list[Any] = []
        for block in blocks:
            if isinstance(block, type) and issubclass(block, BaseModel):
                field = block.model_fields.get(part)
                kind = block.model_fields.get("kind")
                if field is not None:
                    inner.extend(members(field.annotation))
                elif kind is not None and part in get_args(kind.annotation):
                    inner.append(block)
            elif get_origin(block) in (dict, list):
                inner.extend(members(get_args(block)[-1]))
        blocks = inner
    return [name for block in blocks if hasattr(block, "model_fields") for name in block.model_fields]


def members(annotation: Any) -> list[Any]:
    """The members of a union, or the annotation itself."""
    if get_origin(annotation) is Annotated:
        return members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [inner for member in get_args(annotation) for inner in members(member)]
    return [annotation]
