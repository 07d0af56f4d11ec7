"""Where an invariance comes from, on networks of which it is known; `bench/origins.py` trains more of them."""

import pytest
import torch

from bench.origins import SIDE, origins, patterns, rolled, rotated


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The effects of roll by part, quantity and kind of network."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    tables = [
        origins(tmp_path_factory.mktemp("few"), ["circular", "frozen"], seeds=2, epochs=1, pairs=100),
        origins(tmp_path_factory.mktemp("more"), ["plain"], seeds=3, epochs=12),
    ]
    torch.set_num_threads(threads)
    return {(row.part, row.quantity, row.ladder): row for table in tables for row in table.itertuples()}


def test_a_network_that_averages_over_places_has_all_from_its_architecture(found):
    first = found["ladder", "architecture", "circular"]
    assert (first.effect, first.effect_low, first.effect_high) == (1, 1, 1)
    for name in ("learning", "data", "augmentation", "data x augmentation"):
        row = found["contrast", name, "circular"]
        assert (row.effect, row.effect_low, row.effect_high, row.p) == (0, 0, 0, 1)


def test_a_classifier_on_fixed_features_gets_nothing_from_training(found):
    for name in ("learning", "data", "augmentation", "data x augmentation"):
        row = found["contrast", name, "frozen"]
        assert (row.effect, row.effect_low, row.effect_high) == (0, 0, 0)
    prior = found["contrast", "prior", "frozen"]
    assert prior.reference == "circular"
    assert prior.effect == pytest.approx(found["ladder", "architecture", "frozen"].effect - 1)


def test_rolls_as_augmentation_and_rolls_in_the_images_give_the_same_and_take_each_others_place(found):
    augmentation, data, both = (
        found["contrast", name, "plain"] for name in ("augmentation", "data", "data x augmentation")
    )
    assert augmentation.effect_low > 0.1
    assert data.effect > 0.1
    assert both.effect < -0.1
    assert found["ladder", "augmentation", "plain"].effect == augmentation.effect


def test_rotations_as_augmentation_and_in_the_images_do_so_too(tmp_path, one_thread):
    table = origins(tmp_path, ["plain"], seeds=3, epochs=12, how="rotate")
    contrasts = table[table["part"] == "contrast"].set_index("quantity")
    low, high = contrasts["effect_low"].to_dict(), contrasts["effect_high"].to_dict()
    assert min(low["augmentation"], low["data"]) > 0.1
    assert high["data x augmentation"] < -0.1


def test_a_quarter_turn_is_exact():
    pixels = patterns(1, 0, varied=False).pixels
    turned = rotated(pixels, torch.full((len(pixels),), torch.pi / 2))
    ways = [torch.rot90(pixels, times, (2, 3)) for times in (1, -1)]
    assert min((turned - way).abs().max().item() for way in ways) < 1e-4


def test_rolled_images_are_the_images_moved():
    pixels = patterns(1, 0, varied=False).pixels
    moved = rolled(pixels, torch.Generator().manual_seed(0))
    for image, other in zip(pixels, moved, strict=True):
        candidates = [torch.roll(image, (x, y), (1, 2)) for x in range(SIDE) for y in range(SIDE)]
        assert any(torch.equal(other, one) for one in candidates)
    assert not torch.equal(pixels, moved)
