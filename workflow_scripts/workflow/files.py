"""The files of a step: single ones, lists, mappings, and groups that are named by their common beginning."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Files = Mapping[str, Any]
"""Arguments of a module by name. As inputs they are paths, groups of paths, and lists and mappings of both, in which
numbers may stand as well."""


@dataclass(frozen=True)
class Group:
    """Files whose paths begin alike, as those of a folder. A module is told the beginning only."""

    beginning: str
    endings: tuple[str, ...]

    @classmethod
    def folder(cls, path: str, *names: str) -> "Group":
        """The files `names` in a folder."""
        return cls(path, tuple(f"/{name}" for name in names))

    @property
    def files(self) -> list[str]:
        """The paths."""
        return [self.beginning + ending for ending in self.endings]


def paths_in(value: Any) -> list[str]:
    """All paths in a value of `Files`, in order."""
    return list(_paths(value))


def _paths(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Group):
        yield from value.files
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _paths(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _paths(inner)


def renamed(value: Any, path: Callable[[str], str]) -> Any:
    """The value with another text in place of every path; for a group, what replaces its beginning.

    `path` is asked for every path once, in order.
    """
    if isinstance(value, str):
        return path(value)
    if isinstance(value, Group):
        first, *_ = [path(file) for file in value.files]
        return first.removesuffix(value.endings[0])
    if isinstance(value, Mapping):
        return {name: renamed(inner, path) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [renamed(inner, path) for inner in value]
    return value
