"""Checkpoints as training programs write them, and files that are none: used, or refused in one line."""

import argparse
import json
import os
import pickle
import struct
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import timm
import torch

from workflow_scripts.common.errors import InputError
from workflow_scripts.data.settings import Preprocessing
from workflow_scripts.models.build_model import build_model
from workflow_scripts.models.network import load
from workflow_scripts.models.settings import Model
from workflow_scripts.steps.start import start

ARGS: dict[str, Any] = {"channels": [8, 8, 16, 16]}
SIZES = Preprocessing(resize=73, crop=64)
State = dict[str, Any]


def network(seed: int = 0, classes: int = 3) -> State:
    torch.manual_seed(seed)
    return timm.create_model("resnet18", num_classes=classes, **ARGS).state_dict()


RAW, AVERAGE = network(0), network(1)


def under(prefix: str, state: State = RAW) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


def with_tensor(name: str, change: Any) -> State:
    return {**RAW, name: change(RAW[name])}


def build(folder: Path, weights: Path) -> State:
    model = Model(timm="resnet18", args=ARGS, crop=64, classes=3)
    build_model(model=model, preprocessing=SIZES, output=folder / "model", weights=weights)
    return load(folder / "model")[1].state_dict()


def saved(folder: Path, what: Any, name: str = "mine.pth") -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(what, folder / name)
    return folder / name


USED: dict[str, tuple[Any, State]] = {
    "plain": (RAW, RAW),
    "ordered": (OrderedDict(RAW), RAW),
    "parameters": ({name: torch.nn.Parameter(one, one.is_floating_point()) for name, one in RAW.items()}, RAW),
    "of data parallel": (
        {"epoch": 9, "arch": "r18", "state_dict": under("module."), "b": torch.ones(1)},
        RAW,
    ),
    "compiled": (under("_orig_mod."), RAW),
    "compiled and parallel": ({"model": under("_orig_mod.module.")}, RAW),
    "parallel and compiled": ({"model": under("module._orig_mod.")}, RAW),
    "of Lightning": ({"state_dict": under("model."), "hyper_parameters": {"lr": 0.1}}, RAW),
    "a backbone": (under("backbone."), RAW),
    "a backbone beside a loss": ({**under("net.backbone."), "loss.weight": torch.ones(3)}, RAW),
    "of timm": ({"state_dict": RAW, "state_dict_ema": AVERAGE, "args": argparse.Namespace(lr=0.1)}, AVERAGE),
    "of timm without average": ({"state_dict": RAW, "state_dict_ema": None}, RAW),
    "with a number of numpy's": ({"state_dict": RAW, "best_acc": np.float64(71.0), "epoch": np.int64(3)}, RAW),
    "half": ({name: tensor.half() for name, tensor in RAW.items()}, {name: one.half() for name, one in RAW.items()}),
    "double": ({name: one.double() if one.is_floating_point() else one for name, one in RAW.items()}, RAW),
}


@pytest.mark.parametrize("name", USED)
def test_what_a_training_program_writes_is_used(tmp_path, name):
    given, wanted = USED[name]
    found = build(tmp_path, saved(tmp_path, given))
    assert found.keys() == RAW.keys()
    for key, tensor in found.items():
        torch.testing.assert_close(tensor, wanted[key].to(tensor.dtype), rtol=0, atol=0)


def test_of_two_states_the_log_says_which_is_taken(tmp_path, caplog):
    caplog.set_level("INFO")
    build(tmp_path, saved(tmp_path, {"state_dict": under("model."), "state_dict_ema": under("model.", AVERAGE)}))
    assert "taking its state_dict_ema, not state_dict" in caplog.text
    assert "taking the 128 tensors under 'model.', leaving 0" in caplog.text


WITHOUT_HEAD = {name: tensor for name, tensor in RAW.items() if not name.startswith("fc.")}
REFUSED: dict[str, tuple[Any, str]] = {
    "a list": ([RAW], "holds a list, not a state dict"),
    "nothing": (None, "holds a NoneType, not a state dict"),
    "a number": (3, "holds a int, not a state dict"),
    "a tensor": (torch.ones(3), "holds a Tensor, not a state dict"),
    "an empty dict": ({}, "holds no tensors"),
    "an empty state": ({"state_dict": {}}, "holds no tensors"),
    "numbers as names": ({1: torch.ones(2)}, "has the key 1, which names no tensor"),
    "dicts in a dict": ({"a": {"b": torch.ones(2)}}, "'a' is a dict, not a plain tensor"),
    "a sparse tensor": (with_tensor("fc.weight", torch.Tensor.to_sparse), "'fc.weight' is a sparse tensor"),
    "a tensor without values": (with_tensor("fc.weight", lambda one: one.to("meta")), "is a tensor without values"),
    "a number among tensors": ({**RAW, "epoch": 3}, "'epoch' is a int, not a plain tensor"),
    "arrays": ({name: one.numpy() for name, one in RAW.items()}, "it holds numpy._core.multiarray._reconstruct"),
    "teacher and student": (
        {"teacher": under("backbone.", WITHOUT_HEAD), "student": WITHOUT_HEAD},
        "'teacher' is a dict, not a plain tensor",
    ),
    "two networks": (
        {**under("teacher."), **under("student.")},
        "2 times, under 'student.' and 'teacher.'",
    ),
    "no head": (WITHOUT_HEAD, "lacks 2 of the architecture's tensors, first 'fc.bias'"),
    "no head under a prefix": (
        under("encoder.", WITHOUT_HEAD),
        "it has no classifier, and the model has 3 classes: set",
    ),
    "other classes": (
        network(0, 10),
        "for 2 of the architecture's tensors, first 'fc.bias' ([10], not [3])",
    ),
    "a view of any size": ({**RAW, "fc.bias": torch.zeros(1).expand(10**6, 10**6)}, "another shape for 1"),
    "no number": (
        with_tensor("fc.weight", lambda one: one * float("nan")),
        "'fc.weight' holds numbers that",
    ),
    "infinite": (with_tensor("fc.bias", lambda one: one + float("inf")), "'fc.bias' holds numbers that are infinite"),
    "too large for the network": (with_tensor("fc.bias", lambda one: one.double() + 1e300), "'fc.bias' holds numbers"),
    "negative variances": (
        with_tensor("bn1.running_var", lambda one: -one),
        "'bn1.running_var' holds negative",
    ),
    "complex": (with_tensor("fc.weight", lambda one: one.to(torch.complex64)), "'fc.weight' is of complex64 where"),
    "whole numbers": (with_tensor("fc.weight", lambda one: one.to(torch.int8)), "'fc.weight' is of int8 where the"),
    "truths": (
        with_tensor("fc.weight", torch.Tensor.bool),
        "is of bool where the architecture has float32",
    ),
    "a count that is none": (with_tensor("bn1.num_batches_tracked", lambda one: one + 0.5), "is of float32 where"),
    "a whole network": (torch.nn.Linear(2, 2), "it holds torch.nn.modules.linear.Linear, which could run code"),
}


def complaint(folder: Path, weights: Path) -> str:
    with pytest.raises(InputError) as error:
        build(folder, weights)
    line = str(error.value)
    assert line.startswith(f"{weights}: ")
    assert line.isprintable()
    assert not (folder / "model").exists()
    return line


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_state_of_the_network_is_one_line(tmp_path, name):
    given, said = REFUSED[name]
    assert said in complaint(tmp_path, saved(tmp_path, given))


@pytest.mark.filterwarnings("ignore")
def test_a_quantised_tensor_is_one_line(tmp_path):
    tensor = torch.quantize_per_tensor(RAW["fc.weight"], 0.1, 0, torch.qint8)
    assert "'fc.weight' is a quantised tensor" in complaint(tmp_path, saved(tmp_path, {**RAW, "fc.weight": tensor}))


class Runs:
    """What a pickle runs when it is loaded."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.place),)


@pytest.mark.parametrize("way", ["zip", "old", "bare", "numpy"])
def test_a_pickle_that_runs_is_refused_and_does_not_run(tmp_path, way):
    place, weights = tmp_path / "pwned", tmp_path / "mine.pth"
    if way == "bare":
        weights.write_bytes(pickle.dumps(Runs(place)))
    elif way == "numpy":
        np.save(weights.open("wb"), np.array([Runs(place)], dtype=object), allow_pickle=True)
    else:
        torch.save({**RAW, "extra": Runs(place)}, weights, _use_new_zipfile_serialization=way == "zip")
    line = complaint(tmp_path, weights)
    assert "not a readable checkpoint" in line
    if way == "zip":
        assert "posix.mkdir, which could run code" in line
    assert not place.exists()


def safe(header: dict | bytes, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(kind: str = "F32", shape: tuple[int, ...] = (2,), begin: int = 0, end: int = 8) -> dict:
    return {"dtype": kind, "shape": list(shape), "data_offsets": [begin, end]}


LYING = {
    "a header of 2^63 bytes": safe({}, length=2**63),
    "a header of 2^64 - 1 bytes": safe({}, length=2**64 - 1),
    "a header longer than the file": safe({"a": entry()}, bytes(8), length=10_000),
    "a header that is no JSON": safe(b"{" * 100),
    "a header that is no mapping": safe(b"[1, 2]"),
    "overlapping tensors": safe({"a": entry(), "b": entry(begin=4, end=12)}, bytes(12)),
    "a hole": safe({"a": entry(), "b": entry(begin=16, end=24)}, bytes(24)),
    "a tensor beyond the end": safe({"a": entry(end=2**62, shape=(2**60,))}, bytes(8)),
    "a tensor that ends before it begins": safe({"a": entry(begin=8, end=0)}, bytes(8)),
    "an unknown kind": safe({"a": entry("F33")}, bytes(8)),
    "another size than its shape": safe({"a": entry(shape=(3,))}, bytes(8)),
    "a shape that overflows": safe({"a": entry(shape=(2**40, 2**40))}, bytes(8)),
    "a negative shape": safe({"a": entry(shape=(-2,))}, bytes(8)),
    "nothing": b"",
    "no tensors": safe({}),
}


@pytest.mark.parametrize("name", LYING)
def test_safetensors_that_lie_are_one_line(tmp_path, name):
    weights = tmp_path / "mine.safetensors"
    weights.write_bytes(LYING[name])
    complaint(tmp_path, weights)


def test_safetensors_of_a_training_program_are_used(tmp_path):
    safetensors.torch.save_file(
        {name: one.clone() for name, one in under("model.").items()}, tmp_path / "m.safetensors"
    )
    found = build(tmp_path, tmp_path / "m.safetensors")
    assert all(torch.equal(found[name], RAW[name]) for name in RAW)


def test_an_absent_checkpoint_fails_before_anything_runs(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("dataset: {kind: planted}\nmodels: {mine: {timm: resnet18, checkpoint: weights/mine.pth}}\n")
    values = {"study": str(path), "data": str(tmp_path), "results": str(tmp_path / "results")}
    with pytest.raises(InputError, match=r"models\.mine\.checkpoint: no such file .*weights/mine\.pth; put"):
        start(values)
    (tmp_path / "weights").mkdir()
    saved(tmp_path / "weights", RAW)
    start(values)
