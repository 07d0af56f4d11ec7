"""Which models of timm can be measured: one of each family, built at random, asked for an answer and an embedding.

python -m bench.families [--every] [PATTERN] prints a line per model that is refused, with the reason, and how many are
not. The model of a family is one that its name calls small; --every takes all of them.
"""

import sys
from collections import defaultdict
from typing import Any

import timm

from bench.command import command
from workflow_scripts.common.errors import InputError
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.models.build_model import describe, try_out
from workflow_scripts.models.libraries import LIBRARIES
from workflow_scripts.models.network import create
from workflow_scripts.models.settings import Model

# What small models are called, the smallest first.
SMALL = (
    "test_",
    "atto",
    "femto",
    "pico",
    "xx",
    "nano",
    "micro",
    "tiny",
    "_t0",
    "_s0",
    "xs",
    "small",
    "_050",
    "b0",
    "18",
    "_s",
    "_t",
)


def families(pattern: str = "*") -> dict[str, list[str]]:
    """Names of timm's models by the module that defines them."""
    found = defaultdict(list)
    for name in timm.list_models(pattern):
        found[timm.models.model_entrypoint(name).__module__.rpartition(".")[2]].append(name)
    return dict(found)


def size(name: str) -> tuple[int, int]:
    """How large a model seems to be by its name: nothing is built for it."""
    found = [number for number, word in enumerate(SMALL) if word in name]
    return (found[0] if found else len(SMALL), len(name))


def refusal(name: str, **entry: Any) -> str | None:
    """Why a model is refused; None for one that is not."""
    model = Model(timm=name, **entry)
    try:
        expected = LIBRARIES["timm"].describe(name, model.args)
        card = describe(model, Preprocessing(), expected, None, {})
        try_out(card, create(card, seed=0), model.classes)
    except InputError as error:
        return str(error)
    return None


def main() -> None:
    """Print what is refused."""
    parser = command(__doc__)
    parser.add_argument("pattern", metavar="PATTERN", nargs="?", default="*")
    parser.add_argument("--every", action="store_true")
    options = parser.parse_args()
    every, refused = families(options.pattern), 0
    tried = [name for names in every.values() for name in (names if options.every else [min(names, key=size)])]
    for number, name in enumerate(tried):
        for entry in ({}, {"classes": 0}):
            if said := refusal(name, **entry):
                refused += 1
                print(f"{name} {entry or ''}: {said}", flush=True)
        print(f"{number + 1} of {len(tried)}: {name}", file=sys.stderr, flush=True)
    print(f"{len(every)} families, {len(tried)} models, with and without a classifier: {refused} refusals")


if __name__ == "__main__":
    main()
