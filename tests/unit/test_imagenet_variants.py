"""Tiny ImageNet and the published variants of ImageNet, as they are downloaded."""

from typing import Any

import pytest

from tests.unit.datasets import build, settings
from tests.unit.images import write
from tests.unit.test_folders_people_have import digest, image, pixels
from tests.unit.test_ilsvrc2012 import VAL, WNIDS
from workflow_scripts.common.errors import InputError


def test_tiny_imagenet_is_read_as_it_is_downloaded(tmp_path):
    root, lines = tmp_path / "data", []
    for number, wnid in enumerate(WNIDS):
        for item in range(3):
            write(root / "train" / wnid / "images" / f"{wnid}_{item}.JPEG", image(10 * number + item))
        write(root / "train" / wnid / f"{wnid}_boxes.txt", b"n_0.JPEG\t0\t10\t63\t58\n")
    for number, wnid in enumerate(VAL):
        write(root / "val" / "images" / f"val_{number}.JPEG", image(1000 + number))
        lines.append(f"val_{number}.JPEG\t{wnid}\t0\t32\t44\t62\n")
    write(root / "val" / "val_annotations.txt", "".join(lines).encode())
    write(root / "wnids.txt", "\n".join(WNIDS).encode())
    write(root / "test" / "images" / "test_0.JPEG", image(5000))
    dataset = settings("tinyimagenet")
    built = build(root, tmp_path / "out", dataset)
    assert (built.classes("train"), built.classes("val")) == (dict.fromkeys(WNIDS, 3), dict.fromkeys(WNIDS, 2))
    shown = {(row.wnid, built.pixels[row.id].tobytes()) for row in built.rows if row.split == "val"}
    assert shown == {(wnid, pixels(1000 + number)) for number, wnid in enumerate(VAL)}
    before = digest(root, dataset)
    write(root / "val" / "val_annotations.txt", "".join(lines).replace(WNIDS[0], WNIDS[1]).encode())
    assert digest(root, dataset) != before
    write(root / "val" / "val_annotations.txt", "".join(lines[:-1]).encode())
    with pytest.raises(InputError, match=r"does not say the class of val_5\.JPEG"):
        build(root, tmp_path / "out", dataset)


# The published variants of ImageNet: three classes of each, in the order of ImageNet's numbers

NUMBERS = {"0": "n01440764", "1": "n01443537", "10": "n01530575"}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "imagenet-v2": ("imagenetv2-matched-frequency-format-val/{number}/{item:040x}.jpeg", {}),
    "imagenet-r": ("imagenet-r/{wnid}/art_{item}.jpg", {}),
    "imagenet-sketch": ("sketch/{wnid}/sketch_{item}.JPEG", {}),
    "imagenet-a": ("imagenet-a/{wnid}/0.{item}_fox _ squirrel_0.9.jpg", {}),
    "imagenet-c": ("noise/gaussian_noise/3/{wnid}/ILSVRC2012_val_{item:08}.JPEG", {"corruption": "gaussian_noise"}),
}


@pytest.mark.parametrize("kind", VARIANTS)
@pytest.mark.parametrize("inside", [False, True])
def test_variants_of_imagenet_are_its_classes(tmp_path, kind, inside):
    pattern, values = VARIANTS[kind]
    values = values | ({"severity": 3} if values else {})
    pattern = pattern.partition("/")[2] if inside else pattern
    root, expected = tmp_path / "data", set()
    for place, (number, wnid) in enumerate(NUMBERS.items()):
        for item in range(2):
            write(root / pattern.format(number=number, wnid=wnid, item=10 * place + item), image(10 * place + item))
            expected.add((wnid, pixels(10 * place + item)))
    write(root / "README.txt", b"how to cite")
    dataset = settings(kind, **values)
    built = build(root, tmp_path / "out", dataset)
    assert {(row.wnid, built.pixels[row.id].tobytes()) for row in built.rows} == expected
    assert built.classes("val") == dict.fromkeys(NUMBERS.values(), 2)
    before = digest(root, dataset)
    file = root / built.index["container"][0]
    file.write_bytes(file.read_bytes() + b"more")
    assert digest(root, dataset) != before
    odd = file.parent.parent / ("1000" if kind == "imagenet-v2" else "n00000001")
    write(odd / "x.jpg", image(99))
    with pytest.raises(InputError, match=r"n00000001 is no class of ImageNet's|'1000' is not the number"):
        build(root, tmp_path / "out", dataset)


def test_what_variants_lack_is_said(tmp_path):
    root = tmp_path / "data"
    with pytest.raises(InputError, match="no such folder; make it and put the unpacked imagenet-a there"):
        build(root, tmp_path / "out", settings("imagenet-a"))
    for name in ("top-images", "threshold0.7"):
        write(root / f"imagenetv2-{name}-format-val" / "0" / "a.jpeg", image(0))
    with pytest.raises(InputError, match=r"holds imagenetv2-\S+ and imagenetv2-\S+; name one of them in dataset\.root"):
        build(root, tmp_path / "out", settings("imagenet-v2"))
    with pytest.raises(InputError, match=r"no class folders of imagenet-r, .* use dataset\.kind imagenet-v2"):
        build(root, tmp_path / "out", settings("imagenet-r"))
    write(root / "blur" / "motion_blur" / "1" / WNIDS[0] / "a.JPEG", image(0))
    said = r"no folder fog/2 \(dataset\.corruption and severity\); there are motion_blur"
    with pytest.raises(InputError, match=said):
        build(root, tmp_path / "out", settings("imagenet-c", corruption="fog", severity=2))
