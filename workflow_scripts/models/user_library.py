"""Code of the user's as a source of models: a Python file, or a local folder for torch.hub.

It is run as any code of the user's would be: nothing is kept from it. A card holds its texts, so a network can be built
wherever its folder lies, and changes only if the code does.
"""

import atexit
import hashlib
import sys
import tempfile
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from workflow_scripts.common.errors import InputError, reason
from workflow_scripts.models.card import Card
from workflow_scripts.models.library import Expectations, Features, Library

HUBCONF = "hubconf.py"


class OwnCode(Library):
    """What both have in common; itself no source."""

    name: ClassVar[Any] = ""
    tells_classes = True

    def describe(self, architecture: str, args: dict[str, Any], code: dict[str, str] | None = None) -> Expectations:  # noqa: ARG002 - of the interface
        """Nothing is known of such a network: the study's sides, mean and standard deviation are taken."""
        return Expectations(0, (), ())

    def fetch(self, architecture: str) -> dict[str, Tensor]:
        """Nobody publishes such weights."""
        raise InputError(f"there are no published weights of {architecture!r}; use a checkpoint")

    def features(self, card: Card, network: nn.Module) -> Features:
        """As timm does, where the network has timm's two halves; else what its last linear layer sees."""
        model: Any = network
        if card.classes and hasattr(model, "forward_features") and hasattr(model, "forward_head"):
            return lambda inputs: model.forward_head(model.forward_features(inputs), pre_logits=True)
        return super().features(card, network)

    def module(self, architecture: str) -> str:
        """The name of what builds it."""
        return architecture.rpartition(":")[2]


class OwnModule(OwnCode):
    """A function in a Python file, `FILE:FUNCTION`."""

    name = "module"

    def create(self, card: Card) -> nn.Module:
        """What the function answers to the arguments of the card."""
        (file,) = card.code
        build = getattr(_module(file, card.code[file]), card.architecture.rpartition(":")[2], None)
        if not callable(build):
            raise InputError(f"{file} has no function {card.architecture.rpartition(':')[2]!r}; correct 'module'")
        return _built(build, card)


class Hub(OwnCode):
    """An entry of a local folder for torch.hub, `FOLDER:ENTRY`."""

    name = "hub"

    def create(self, card: Card) -> nn.Module:
        """What torch.hub loads from the folder, of which the card has all code."""
        if HUBCONF not in card.code:
            raise InputError(f"{card.architecture.rpartition(':')[0]}: has no {HUBCONF}; correct 'hub'")
        folder, entry = _unpacked(card.code), card.architecture.rpartition(":")[2]
        return _built(lambda **args: torch.hub.load(str(folder), entry, source="local", **args), card)


def _built(build: Any, card: Card) -> nn.Module:
    """The network that code of the user's builds; raises `InputError` with the line where it fails."""
    try:
        network = build(**card.args)
    except Exception as error:
        raise InputError(f"{card.architecture} fails with {card.args}: {_where(error, card)}{reason(error)}") from error
    if not isinstance(network, nn.Module):
        raise InputError(f"{card.architecture} returns a {type(network).__name__}, not a torch.nn.Module")
    return network


def _where(error: Exception, card: Card) -> str:
    """The last line of the user's that an error came through."""
    names = {Path(name).name for name in card.code}
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).name in names]
    return f"{Path(lines[-1].filename).name}, line {lines[-1].lineno}: " if lines else ""


def _module(file: str, text: str) -> ModuleType:
    """The module that `text` is; raises `InputError` where it cannot be run."""
    # A name of its own for each text: two models may have files of one name.
    name = f"whence_model_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = file
    sys.modules[name] = module  # dataclasses look for it there
    try:
        exec(compile(text, file, "exec"), module.__dict__)
    except Exception as error:
        del sys.modules[name]
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
        raise InputError(
            f"{file}{f', line {line}' if line else ''}: {type(error).__name__}: {reason(error)}"
        ) from error
    return module


def _unpacked(code: dict[str, str]) -> Path:
    """A folder with `code`, which lasts as long as this process."""
    folder = tempfile.TemporaryDirectory(prefix="whence-hub-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    for name, text in code.items():
        path = Path(folder.name) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Path(folder.name)
