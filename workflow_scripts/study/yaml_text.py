"""Reading the YAML of a study: one line for whatever is wrong with it, and bounded memory and time."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from workflow_scripts.common.errors import InputError, reason

# A study has a few hundred lines; pydantic copies what aliases share.
LARGEST = 200_000
MOST_NODES = 50_000
# The time of reading grows with the square of it.
DEEPEST = 100
# A number of more bits is none that anything computes with, and may be too long to print.
MOST_BITS = 1024
MERGE = "tag:yaml.org,2002:merge"


class UniqueKeys(yaml.SafeLoader):
    """YAML in which a key that is given twice is an error instead of a silent replacement."""

    def fetch_flow_collection_start(self, TokenClass: type[yaml.Token]) -> None:  # noqa: N803 - as there
        """One more bracket or brace; raises `ScannerError` where they are nested too deeply."""
        if self.flow_level >= DEEPEST:
            raise yaml.scanner.ScannerError(None, None, f"nested more than {DEEPEST} deep", self.get_mark())
        super().fetch_flow_collection_start(TokenClass)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping of a node; raises `ConstructorError` where a key is given twice."""
        seen: set[Hashable] = set()
        for node_of_key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if node_of_key.tag == MERGE:
                # What `<<` brings in may be given again: that is its use.
                continue
            key = self.construct_object(node_of_key, deep=True)
            if not isinstance(key, Hashable):
                raise _wrong("a key is a list or a mapping", node_of_key)
            if key in seen:
                raise _wrong(f"key {key!r} is given twice", node_of_key)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of a node; raises `ConstructorError` for whatever is none of its kind, as 2024-13-45."""
        try:
            value = super().construct_object(node, deep=deep)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            kind = node.tag.rpartition(":")[2]
            raise _wrong(
                f"{str(node.value)[:40]!r} is read as {kind} and is none; put a text into quotes", node
            ) from error
        if isinstance(value, int) and value.bit_length() > MOST_BITS:
            raise _wrong("a number has too many digits", node)
        return value


def _wrong(what: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, what, node.start_mark)


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, unchecked; raises `InputError` where there is none."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise InputError(f"{path}: larger than {LARGEST // 1000} kB, which no study is; give the file of a study")
        values = _load(data.decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)}); make it readable") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text in UTF-8 (byte {error.start}); save it in that encoding") from error
    except RecursionError as error:
        raise InputError(
            f"{path}: its lists and mappings are nested too deeply; no study needs more than ten"
        ) from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected a mapping of keys to values, such as 'dataset: {{kind: planted}}'")
    return values


def _load(text: str) -> Any:
    loader = UniqueKeys(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _size(node, {}, set())
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _size(node: yaml.Node, known: dict[int, int], within: set[int]) -> int:
    """Nodes at and below `node`, those of an alias each time; raises `ConstructorError` for too many."""
    if id(node) in within:
        raise _wrong("an alias stands within what it names", node)
    if id(node) not in known:
        within.add(id(node))
        values = node.value if isinstance(node, yaml.CollectionNode) else []
        inner = [one for value in values for one in (value if isinstance(value, tuple) else (value,))]
        known[id(node)] = 1 + sum(_size(one, known, within) for one in inner)
        within.remove(id(node))
    if known[id(node)] > MOST_NODES:
        raise _wrong(f"its aliases stand for more than {MOST_NODES} values", node)
    return known[id(node)]
