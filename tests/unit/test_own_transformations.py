"""Transformations of a study's own: what they do to pixels, what they draw, and what is said of those that do not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image, ImageFilter

from tests.unit.images import picture
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.provenance import ROOT
from workflow_scripts.common.user_code import check_defined, fingerprint_of, load_definition
from workflow_scripts.metrics.learned_invariance import counterparts
from workflow_scripts.results.study import Study
from workflow_scripts.study.validation import validated
from workflow_scripts.transformations.custom import CustomTransformation, check_custom, custom_transformations
from workflow_scripts.transformations.entry import MAGNITUDES
from workflow_scripts.transformations.pool import singles
from workflow_scripts.transformations.settings import BankA, BankB, Banks, OwnTransformation

CORRUPTIONS = ROOT / "docs" / "examples" / "corruptions.py"
IDS = np.arange(5) + 40


def rising(last: float, first: float = 0) -> list[float]:
    return [first + (last - first) * index / 9 for index in range(MAGNITUDES)]


ALL = {
    "gaussian_noise": rising(0.36),
    "defocus_blur": rising(9),
    "contrast": rising(0.9),
    "pixelate": rising(10, 1),
    "jpeg": rising(1, 100),
}


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.stack([torch.from_numpy(np.array(picture(n, 48, 48))).permute(2, 0, 1) for n in range(len(IDS))])


def own(function: str, seed: int = 3, **settings: Any) -> CustomTransformation:
    given = {"values": rising(0.9), **settings}
    return custom_transformations({"mine": OwnTransformation(function=function, **given)}, {}, seed)["mine"]


def corruption(name: str, seed: int = 3) -> CustomTransformation:
    return own(f"{CORRUPTIONS}:{name}", seed, values=ALL[name])


@pytest.fixture
def written(tmp_path) -> Callable[[str], str]:
    def write(body: str, head: str = "def f(images, value):") -> str:
        path = tmp_path / f"file{len(list(tmp_path.iterdir()))}.py"
        path.write_text(f"import random\nimport numpy as np\nimport torch\n{head}\n    {body}\n")
        return f"{path}:f"

    return write


@pytest.mark.parametrize("name", ALL)
def test_the_example_does_what_transformations_must(name, images):
    one = corruption(name)
    check_custom({name: one}, images, IDS)
    assert torch.equal(one(images, 0, None, IDS), images)
    changes = [float((one(images, m, None, IDS).float() - images.float()).abs().mean()) for m in (1, 5, 9)]
    assert 0 < changes[0] < changes[1] < changes[2]


def test_the_example_has_the_known_answers(images):
    noise = (corruption("gaussian_noise")(torch.full_like(images, 128), 5, None, IDS).float() - 128) / 255
    assert abs(float(noise.std()) - 0.2) < 0.01
    factor = corruption("contrast")(images, 5, None, IDS).float()
    for before, after in zip(images.float(), factor, strict=True):
        assert abs(float(after.mean() - before.mean())) < 0.5
        assert abs(float(after.std() / before.std()) - 0.5) < 0.02
    flat = torch.full_like(images, 77)
    for name in ("defocus_blur", "pixelate"):
        assert torch.equal(corruption(name)(flat, 9, None, IDS), flat)
    blocks = corruption("pixelate")(images, 9, None, IDS)
    assert len(blocks[0, 0].unique()) <= 25 < len(images[0, 0].unique())


def test_torchvisions_functions_are_applied_with_the_named_argument(images):
    blur = own("gaussian_blur", argument="sigma", args={"kernel_size": 15}, values=rising(2.7))
    check_custom({"blur": blur}, images, IDS)
    ours = blur(images, 5, None, IDS)[2, :, 15:-15, 15:-15].permute(1, 2, 0).numpy()
    of_pillow = Image.fromarray(images[2].permute(1, 2, 0).numpy()).filter(ImageFilter.GaussianBlur(1.5))
    difference = np.abs(ours.astype(int) - np.array(of_pillow)[15:-15, 15:-15])
    assert difference.mean() < 1
    turned = own("rotate", argument="angle", args={"interpolation": "bilinear"}, values=rising(90), signed=True)
    signs = np.array([1, -1, 1, -1, 1], dtype=np.int8)
    both = turned(images, 9, signs, IDS)
    assert torch.equal(both[0], torch.rot90(images[0], 1, (1, 2)))
    assert torch.equal(both[1], torch.rot90(images[1], -1, (1, 2)))


def test_what_an_image_gets_is_its_own_whatever_the_batch_the_order_and_the_shard(images):
    noise = corruption("gaussian_noise")
    together = noise(images, 4, None, IDS)
    for order in ([4, 2, 0, 1, 3], [1], [3, 0]):
        assert torch.equal(noise(images[order], 4, None, IDS[order]), together[order])
    torch.manual_seed(99)
    assert torch.equal(noise(images, 4, None, IDS), together)
    same = images[:1].expand(5, -1, -1, -1)
    assert len({one.numpy().tobytes() for one in noise(same, 4, None, IDS)}) == 5
    assert not torch.equal(noise(images, 4, None, IDS + 1), together)
    assert not torch.equal(corruption("gaussian_noise", seed=4)(images, 4, None, IDS), together)
    residual = [(noise(images // 4 + 90, m, None, IDS).float() - images // 4 - 90) / m for m in (1, 2)]
    assert not torch.allclose(residual[0], residual[1], atol=2)


@pytest.mark.parametrize(
    ("body", "head", "message"),
    [
        ("return images.float()", None, "returns a torch.float32 tensor"),
        ("return images[..., 1:]", None, r"tensor of the shape \[3, 3, 48, 47\]; it must return a torch.uint8"),
        ("return None", None, "returns a NoneType"),
        ("return [][7]", None, "for the value 0.1 it fails .line 5: IndexError: list index out of range"),
        ("return images if value < 0.8 else 1 / 0", None, "value 0.8 it fails .line 5: ZeroDivisionError"),
        ("return (images + torch.randint(9, images.shape)).byte()", None, "another result each time"),
        ("return images + np.random.randint(1, 100)", None, "another result each time"),
        ("return images + random.randint(1, 100)", None, "another result each time"),
        ("return images + np.uint8(np.random.default_rng().integers(200))", None, "another result each time"),
        ("return (images * value + (1 - value) * images.float().mean()).byte()", None, "in a batch gets another"),
        ("return 255 - images", None, "the value 0 it changes pixels, by .* the first of its values must be"),
        ("return image + torch.randint(9, ()).byte()", "def f(image, value, generator):", "another result each time"),
        ("return images", "def f(images):", "TypeError"),
        ("return images.mul_(2)", None, "the value 0 it changes pixels"),
    ],
)
def test_code_that_is_no_transformation_gets_one_sentence(body, head, message, written, images):
    one = own(written(body, head or "def f(images, value):"))
    before = images.clone()
    with pytest.raises(InputError, match=message) as caught:
        check_custom({"mine": one}, images, IDS)
    assert "file0.py: f" in str(caught.value)
    assert torch.equal(images, before)


def test_what_only_looks_wrong_is_allowed(written, images):
    undefined_at_the_first_value = written("return images + torch.tensor(9 // int(10 * value)).byte()")
    check_custom({"mine": own(undefined_at_the_first_value)}, images, IDS)
    free = own(written("return 255 - images", "def f(images):"), values=None)
    check_custom({"mine": free}, images, IDS)
    assert torch.equal(free(images, 0, None, IDS), 255 - images)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("def f(:\n", "no Python in line 1"),
        ("def g(images, value): pass", "unknown definition 'f'"),
        ("f = 3", "f cannot be called, as it is of type int"),
        ("import helper\ndef f(images): pass", "line 1: ModuleNotFoundError.*not files beside it"),
        ("raise SystemExit(3)\ndef f(images): pass", "line 1: SystemExit"),
    ],
)
def test_a_file_that_does_not_define_the_function_gets_one_sentence(text, message, tmp_path):
    path = tmp_path / "mine.py"
    (tmp_path / "helper.py").write_text("")
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_definition(path, "f")
    seen_without_running = text is None or "f" not in text.replace("def f(:", "")
    if seen_without_running or "def f(:" in text or "def g" in text:
        with pytest.raises(InputError, match=message):
            check_defined(path, "f")
    else:
        check_defined(path, "f")


def test_the_text_that_runs_is_the_one_that_the_fingerprint_is_of(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def f(): return 1")
    first = fingerprint_of(path.read_bytes())
    assert load_definition(path, "f", first)() == 1
    # Of equal length and written at once: bytecode of the first would be taken for its own.
    path.write_text("def f(): return 2")
    assert load_definition(path, "f")() == 2
    with pytest.raises(InputError, match="changed since the run began"):
        load_definition(path, "f", first)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["mine.py"]


@pytest.mark.parametrize(
    "block", ["if True:\n    {}", "try:\n    {}\nexcept OSError:\n    f = None", "from os import *", "f: int = 3"]
)
def test_a_name_counts_as_defined_wherever_it_may_be(block, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(block.format("def f(): pass"))
    check_defined(path, "f")


def test_digests_tell_functions_arguments_and_contents_apart(written):
    text = "return images"
    one, two = written(text), written(text)
    assert own(one).code == own(two).code, "the place of a file is no part of what it does"
    others = [own(written("return images + 0")), own(one, args={"a": 1}), own(one, argument="value")]
    assert len({own(one).code, *(other.code for other in others)}) == 4
    assert own(one, seed=4).code == own(one).code
    assert corruption("gaussian_noise", 4).code != corruption("gaussian_noise").code


def test_they_are_in_the_banks_by_name():
    one = OwnTransformation(function="mine.py:f", values=rising(1), title="Mine")
    free = OwnTransformation(function="equalize")
    banks = Banks(a=BankA(custom={"mine": one}), b=BankB(custom={"mine": one, "free": free}))
    assert list(banks.a.entries)[-1] == "mine"
    assert banks.a.entries["mine"].title == "Mine"
    assert singles(banks.b)[-10:] == (*(("mine", index) for index in range(1, 10)), ("free", 0))
    assert counterparts("mine 4", "appearance") == ("mine",)
    other = OwnTransformation(function="mine.py:g", values=rising(1))
    for second in (other, one.model_copy(update={"values": rising(-1)})):
        with pytest.raises(ValueError, match="another transformation of this name"):
            Banks(a=BankA(custom={"mine": one}), b=BankB(custom={"mine": second}))
    assert Path(CORRUPTIONS).is_file()


def examples(number: int) -> dict[str, Any]:
    """A block of settings of docs/custom.md."""
    text = (ROOT / "docs" / "custom.md").read_text()
    return yaml.safe_load(text.split("```yaml\n")[number].split("```")[0])


def test_the_documented_settings_are_valid_and_run(images):
    values = {"dataset": {"kind": "planted"}, **examples(1), **examples(2)}
    study = validated(Study, values, "docs/custom.md")
    own_one = study.training.own_augmentation("randaugment")
    assert own_one is not None
    assert own_one.args == {"num_ops": 2, "magnitude": 9}
    for custom in (study.banks.a.custom, study.banks.b.custom):
        here = {name: one.model_copy(update={"function": in_docs(one.function)}) for name, one in custom.items()}
        check_custom(custom_transformations(here, {}, 0), images, IDS)


def in_docs(function: str) -> str:
    return function.replace("corruptions.py", str(CORRUPTIONS))
