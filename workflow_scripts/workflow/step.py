"""A step: one declaration from which a rule's parameters, its command line and its stamp follow.

A rule shows its step in the words of Snakemake and adds what Snakemake alone is concerned with: log, resources,
message. What a module is told is its step's named inputs, outputs, settings and execution, so that a disagreement with
the module's arguments is an error of the command line. What a result depends on is the module's code, the settings, and
the keys of whatever makes the inputs, which the inputs' names tell: nobody writes the dependencies twice.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from shlex import quote
from types import SimpleNamespace
from typing import Any, TypeAlias

from pydantic import BaseModel

from workflow_scripts.common.provenance import Stamp, code_digest, digest
from workflow_scripts.common.text import METHOD, MODEL
from workflow_scripts.workflow.files import Files, Group, paths_in, renamed
from workflow_scripts.workflow.sources import Source
from workflow_scripts.workflow.work import Estimate, light

Wildcards = Any
"""The values of a rule's wildcards, as attributes."""
Given: TypeAlias = "Source | list[Source] | Mapping[str, Given]"
"""A source, or several: in a list, or by name."""

# What a wildcard may be, in every rule that has it.
WILDCARDS = {
    "split": "train|val",
    "shard": r"\d+",
    "part": r"\d+",
    "seed": r"\d+",
    "method": METHOD,
    "dataset": METHOD,
    "model": MODEL,
    "rate": r"[0-9.e+-]+",
    "decay": r"[0-9.e+-]+",
}


# The shell command of every rule. Snakemake fills it in when a job runs, and does not look into what it fills in.
COMMAND = "{params.call} --stamp {params.stamp:q} > {log:q} 2>&1"
# That of rules whose output is for the screen.
SHOWN_COMMAND = "{params.call} --stamp {params.stamp:q} 2>&1 | tee {log:q}"


def nothing(_wildcards: Wildcards) -> Files:
    """No files and no settings."""
    return {}


class Threads:
    """Stands for the number of threads that Snakemake gives a job."""


class Steps:
    """The steps of a study, and which of them makes a file."""

    def __init__(self, study: str, seed: int) -> None:
        self.study, self.seed = study, seed
        self._steps: dict[str, Step] = {}
        self._makers: dict[str, tuple[Step, SimpleNamespace]] = {}

    def add(self, step: "Step") -> "Step":
        """Remember a step. Of two that could make a file, the first one added makes it."""
        self._steps[step.name] = step
        return step

    def __getitem__(self, name: str) -> "Step":
        return self._steps[name]

    def __contains__(self, name: str) -> bool:
        return name in self._steps

    @property
    def all(self) -> list["Step"]:
        """All of them, in the order in which they were added."""
        return list(self._steps.values())

    def maker(self, path: str) -> tuple["Step", SimpleNamespace]:
        """The step that makes a file, and the wildcards with which it does; `LookupError` where none does."""
        if path not in self._makers:
            found = ((step, step.match(path)) for step in self._steps.values())
            known = next(((step, wildcards) for step, wildcards in found if wildcards is not None), None)
            if known is None:
                raise LookupError(f"no step makes {path}")
            self._makers[path] = known
        return self._makers[path]

    def key_of(self, path: str) -> str:
        """The key of the result that a file is part of."""
        step, wildcards = self.maker(path)
        return step.key(wildcards)


@dataclass(frozen=True, eq=False)
class Step:
    """One kind of job: a module with its arguments.

    The arguments of the module are the names of `inputs`, `sources`, `outputs`, `settings` and `execution` together.
    """

    steps: Steps
    """The steps it is one of."""
    name: str
    module: str
    """The module, within this package, whose function of the same name does the work."""
    outputs: Files
    """What it makes: patterns with wildcards in braces."""
    inputs: Callable[[Wildcards], Files] = nothing
    """What other steps make and it needs; what makes them is upstream."""
    settings: Callable[[Wildcards], Files] = nothing
    """What changes the result: part of the command line and of the key."""
    sources: Callable[[Wildcards], Mapping[str, Given]] = lambda _: {}
    """Files and folders of the user's that it reads, alone or by name. Their contents are part of the key, their places
    are not."""
    execution: Callable[[Wildcards], Files] = nothing
    """What changes no result: part of the command line only."""
    also: Callable[[Wildcards], Any] = lambda _: None
    """What changes the result and reaches it another way than by the command line: part of the key only."""
    without: Callable[[Wildcards], tuple[str, ...]] = lambda _: ()
    """Modules that the module imports but does not use for this result."""
    constraints: Mapping[str, str] = field(default_factory=dict)
    """Regular expressions of wildcards that are narrower here than in other steps."""
    threads: int | None = None
    """CPU threads of its numerical libraries. The default is what the rule says."""
    gpus: Mapping[str, int] = field(default_factory=dict)
    """Variables that say how many GPUs it takes, and how many jobs share one."""
    launcher: str = "python"
    """What starts the job's processes."""
    prelude: str = ""
    """What the shell does before that."""
    work: Estimate = light
    """How much a job does, for what is told of its cost before it runs. Part of neither the key nor the command line.
    """
    _stamps: dict[tuple, Stamp] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.steps.add(self)

    # What Snakemake asks of a rule

    @cached_property
    def rule_outputs(self) -> dict[str, Any]:
        """The named outputs of the rule."""
        return {name: _for_snakemake(value) for name, value in self.outputs.items()}

    def rule_inputs(self, wildcards: Wildcards) -> dict[str, Any]:
        """The named inputs of the rule."""
        return {name: _for_snakemake(value) for name, value in self.inputs(_plain(wildcards)).items()}

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of the rule. Snakemake compares the stamp, and not what follows from inputs and outputs."""
        return {"call": self._call, "stamp": self._stamp_text}

    def _call(self, wildcards: Wildcards, input: Any, output: Any, threads: int) -> str:
        """The module with every option, quoted for the shell: the one place where a command line is written.

        Snakemake fills it in where its text of the command has `{params.call}`, and looks for no braces in it. A value
        behind `=` is no option, whatever it begins with.
        """
        known = _plain(wildcards)
        named = {
            **{name: _of_sources(source, 0) for name, source in self.sources(known).items()},
            **_given(self.inputs(known), input),
            **self.settings(known),
            **self.execution(known),
            **_given(self.outputs, output),
        }
        options = [f"--{name}={quote(_text(value, threads))}" for name, value in named.items()]
        return " ".join([self._start, *options])

    @property
    def _start(self) -> str:
        """What starts the module. The rest of its environment is set in `common/environment.py`."""
        threads = "" if self.threads is None else f"OMP_NUM_THREADS={self.threads} "
        gpus = "".join(f"{name}={value} " for name, value in self.gpus.items())
        return f"{self.prelude}{threads}{gpus}{self.launcher} -m workflow_scripts {self.module}"

    def _stamp_text(self, wildcards: Wildcards) -> str:
        return str(self.stamp(wildcards))

    # What a result depends on

    def key(self, wildcards: Wildcards) -> str:
        """Changes with the code of the module, the settings, the sources, and the keys of what makes the inputs."""
        return self.stamp(wildcards).key

    def stamp(self, wildcards: Wildcards) -> Stamp:
        """The key with what a reader wants to know about it."""
        known = _plain(wildcards)
        values = tuple(sorted(vars(known).items()))
        if values not in self._stamps:
            self._stamps[values] = self._make_stamp(known)
        return self._stamps[values]

    def _make_stamp(self, wildcards: SimpleNamespace) -> Stamp:
        code = code_digest(f"workflow_scripts.{self.module}", self.without(wildcards))
        settings = self.settings(wildcards)
        sources = {name: _of_sources(source, 1) for name, source in self.sources(wildcards).items()}
        inputs = {name: _keys(value, self.steps) for name, value in self.inputs(wildcards).items()}
        return Stamp(
            study=self.steps.study,
            seed=settings.get("seed", self.steps.seed),
            module=f"workflow_scripts.{self.module}",
            code=code,
            key=digest([code, dict(settings), sources, inputs, self.also(wildcards)]),
        )

    def upstream(self, wildcards: Wildcards) -> set[str]:
        """Keys of whatever makes the inputs."""
        files = paths_in(dict(self.inputs(_plain(wildcards))))
        return {self.steps.key_of(file) for file in files}

    # Which files it makes

    def match(self, path: str) -> SimpleNamespace | None:
        """The wildcards with which it makes a file; None where it does not."""
        for pattern in self._patterns:
            if found := pattern.fullmatch(path):
                return SimpleNamespace(**found.groupdict())
        return None

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        return [re.compile(_expression(path, self.constraints)) for path in paths_in(dict(self.outputs))]


def _expression(path: str, constraints: Mapping[str, str]) -> str:
    """The regular expression of a pattern with wildcards in braces."""
    parts, seen = [], set()
    for text, name in re.findall(r"([^{}]*)(?:\{(\w+)\})?", path):
        parts.append(re.escape(text))
        if name:
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>{constraints.get(name, WILDCARDS[name])})")
            seen.add(name)
    return "".join(parts)


def _plain(wildcards: Wildcards) -> SimpleNamespace:
    if isinstance(wildcards, SimpleNamespace):
        return wildcards
    return SimpleNamespace(**{name: str(value) for name, value in wildcards.items()})


def _for_snakemake(value: Any) -> Any:
    """A path as it is, with Snakemake's flags; a list of paths for anything else."""
    return value if isinstance(value, str) else paths_in(value)


def _given(files: Files, known: Any) -> dict[str, Any]:
    """Arguments with the paths that Snakemake has put in place of the declared ones."""
    result = {}
    for name, value in files.items():
        given = known.get(name)
        places = iter([given] if isinstance(given, str) else given)
        result[name] = renamed(value, partial(_next, places))
    return result


def _of_sources(source: Given, part: int) -> Any:
    """The paths (part 0) or the fingerprints (part 1) of a source, or of several: by name, and in lists."""
    if isinstance(source, Mapping):
        return {name: _of_sources(inner, part) for name, inner in source.items()}
    return [one[part] for one in source] if isinstance(source, list) else source[part]


def _next(places: Iterator[Any], _declared: str) -> str:
    return str(next(places))


def _keys(value: Any, steps: Steps) -> Any:
    """A value of inputs with keys in place of paths."""
    if isinstance(value, Group):
        return sorted({steps.key_of(file) for file in value.files})
    if isinstance(value, str):
        return steps.key_of(value)
    if isinstance(value, Mapping):
        return {name: _keys(inner, steps) for name, inner in value.items()}
    return [_keys(inner, steps) for inner in value] if isinstance(value, list | tuple) else value


def _text(value: Any, threads: int) -> str:
    """A value on the command line: text as it is, anything else as JSON."""
    if isinstance(value, Threads):
        return str(threads)
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    return value if isinstance(value, str) else json.dumps(value, default=_dump)


def _dump(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"no option can be made of a {type(value).__name__}")
