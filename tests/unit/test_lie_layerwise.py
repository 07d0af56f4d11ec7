"""Contributions of layers: brute force with full Jacobians, closed forms, and sums that must come out."""

import numpy as np
import pandas as pd
import pytest
import torch
from timm.layers import Mlp
from timm.models.vision_transformer import Attention
from torch import Tensor, nn
from torch.nn import functional

from tests.unit.test_lie_derivative import NETWORKS, classifier, random_images
from workflow_scripts.lie.chain import Chain, run
from workflow_scripts.lie.derivative import along
from workflow_scripts.lie.generators import FIELDS, generate, places
from workflow_scripts.lie.shares import contributions

SIDE = 8
CLASSES = 3
Contributions = dict[str, Tensor]


def exact(chain: Chain) -> Contributions:
    """c_i [N, D] of every layer: its product with every unit vector."""
    n, outputs = chain.answer.shape
    units = torch.eye(outputs, dtype=chain.answer.dtype)
    products = torch.stack([chain.products(unit.expand(n, -1))[0][:, 0] for unit in units], dim=2)
    return {layer.name: products[number] for number, layer in enumerate(chain.layers)}


def end_to_end(network: nn.Module, images: Tensor, transformation: str) -> Tensor:
    with torch.no_grad():
        return along(lambda x: network(x).softmax(1), images, generate(images, transformation)).change


class Branches(nn.Module):
    """x + conv(act(norm(conv(x)))), with a sum that overwrites."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.GroupNorm(1, channels)
        self.act = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x
        x = self.second(self.act(self.norm(self.first(x))))
        x += shortcut
        return x


class Tiny(nn.Module):
    """Convolutions with a residual branch, then an attention over tokens with one, then their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.branches = Branches(4)
        self.norm = nn.LayerNorm(4)
        self.attn = Attention(4, num_heads=2)
        self.mlp = Mlp(4, 8)
        self.head = nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.branches(self.stem(x)).flatten(2).transpose(1, 2)
        tokens = tokens + self.attn(self.norm(tokens))
        return self.head(self.mlp(tokens).mean(1))


def tiny() -> Tiny:
    torch.manual_seed(1)
    network = Tiny().double().eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter.add_(0.3 * torch.randn_like(parameter))
    return network


def acted(value: Tensor, transformation: str) -> Tensor:
    """The generator on a value of the tiny network, written for its shapes alone."""
    if value.dim() == 4:
        return generate(value, transformation, (SIDE, SIDE))
    n, _, channels = value.shape
    maps = torch.stack([value[..., channel].view(n, 4, 4) for channel in range(channels)], dim=1)
    generated = generate(maps, transformation, (SIDE, SIDE))
    return torch.stack([generated[:, channel].reshape(n, 16) for channel in range(channels)], dim=2)


def by_brute_force(network: nn.Module, layer: nn.Module, image: Tensor, transformation: str) -> Tensor:
    """c of a layer, [1, D]: full Jacobian of the answer with respect to the layer's output, times L of the layer."""
    seen: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0].clone()))
    network(image)
    handle.remove()
    value = layer(seen[0])
    jacobian = torch.func.jacrev(layer)(seen[0]).reshape(value.numel(), -1)
    local = jacobian @ acted(seen[0], transformation).flatten() - acted(value, transformation).flatten()

    def answer(added: Tensor) -> Tensor:
        handle = layer.register_forward_hook(lambda _module, _inputs, output: output + added)
        result = network(image).softmax(1)[0]
        handle.remove()
        return result

    return torch.func.jacrev(answer)(torch.zeros_like(value)).flatten(1) @ local


@pytest.mark.parametrize("transformation", ["translation_x", "rotation"])
def test_every_layer_of_a_network_with_branches_by_brute_force(transformation):
    network, image = tiny(), random_images(1, SIDE)
    # The brute force computes the sum anew.
    network.branches.act.inplace = False
    found = exact(run(network, image, transformation))
    names = ["stem", "branches.first", "branches.norm", "branches.act", "branches.second", "norm", "attn", "mlp.act"]
    for name in names:
        expected = by_brute_force(network, network.get_submodule(name), image, transformation)
        torch.testing.assert_close(found[name][0], expected, msg=name)
        assert expected.abs().max() > 1e-6, name
    # The generator is linear and acts on places, not on channels.
    zero = [name for name in found if name.split(".")[-1] in ("add", "fc1", "fc2", "flatten", "transpose")]
    assert len(zero) == 6
    assert max(found[name].abs().max() for name in zero) < 1e-14
    torch.testing.assert_close(
        torch.stack([*found.values()]).sum(0), end_to_end(network, image, transformation), rtol=1e-9, atol=1e-12
    )
    assert set(found) == {*names, *zero, "mean"}


@pytest.mark.parametrize("transformation", ["translation_x", "scale"])
@pytest.mark.parametrize("name", list(NETWORKS))
def test_products_add_up_to_the_end_to_end_derivative(name, transformation):
    network, images = classifier(name).requires_grad_(False), random_images(3, 32)
    chain = run(network, images, transformation)
    change = end_to_end(network, images, transformation)
    torch.testing.assert_close(chain.answer, network(images).softmax(1))
    for seed in range(4):
        vectors = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        products, whole = chain.products(vectors)
        assert products.shape[1:] == whole.shape == (1, 3)
        torch.testing.assert_close(whole[0], (vectors * change).sum(1), rtol=1e-8, atol=1e-12)
        torch.testing.assert_close(products.sum(0), whole, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_probes_estimate_contributions_and_shares_within_their_errors(name):
    network, images = classifier(name).requires_grad_(False), random_images(3, 32)
    chain = run(network, images, "translation_x")
    change = end_to_end(network, images, "translation_x")
    exactly = torch.stack([*exact(chain).values()])
    vectors = torch.randn(200, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    pulled = [chain.products(one) for one in vectors]
    products = torch.stack([product[:, 0] for product, _ in pulled], dim=2).numpy()
    whole = torch.stack([one[0] for _, one in pulled], dim=1).numpy()
    # All layers of a kind together.
    kinds = [layer.kind for layer in chain.layers]
    groups, _ = pd.factorize(np.array(kinds))
    table = contributions(products, whole, groups)
    norms = exactly.square().sum(2).mean(1).numpy()
    inner = (exactly * change).sum(2).mean(1).numpy() / change.square().sum(1).mean().numpy()
    for estimate, expected in [("contribution", norms), ("share", inner)]:
        truth = np.bincount(groups, weights=expected)
        # Four standard errors: many kinds are compared.
        error = 4 * table[f"{estimate}_probe_sem"] + 1e-12
        assert (np.abs(table[estimate] - truth) < error).all(), (estimate, table, truth)
    shares = contributions(products, whole)["share"]
    assert shares.sum() == pytest.approx(1, abs=1e-6)
    assert (shares.abs() > 0.01).sum() >= 3


def test_errors_over_probes_and_images_are_those_of_the_normal_law():
    # (v.c)^2 has variance 2 ||c||^4; all images alike.
    random = np.random.default_rng(0)
    c, whole = np.array([1.0, 2.0]), np.array([3.0, -1.0])
    vectors = random.normal(size=(400, 50, 2))
    table = contributions((vectors @ c)[None], vectors @ whole)
    assert table["contribution"][0] == pytest.approx(5, rel=0.03)
    expected = np.sqrt(2 / (400 * 50)) * 5
    assert table["contribution_probe_sem"][0] == pytest.approx(expected, rel=0.1)
    assert table["contribution_sem"][0] == pytest.approx(expected, rel=0.1)
    assert table["share"][0] == pytest.approx(c @ whole / (whole @ whole), abs=3 * table["share_sem"][0])
    # Unlike images: only the error over images grows.
    scaled = random.exponential(size=(400, 1))
    unlike = contributions((scaled * (vectors @ c))[None], scaled * (vectors @ whole))
    assert unlike["contribution_sem"][0] > 2 * unlike["contribution_probe_sem"][0]


class Square(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.square()


def test_a_pointwise_non_linearity_contributes_its_term_of_second_order():
    # 2 h (h' - h) - (h'^2 - h^2) = -(h' - h)^2, with h' the next pixel.
    torch.manual_seed(0)
    head = nn.Linear(3, CLASSES)
    network = nn.Sequential(Square(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head).double()
    images = random_images(2, SIDE)
    chain = run(network.eval().requires_grad_(False), images, "translation_x")
    # The image is reflected in its last pixel.
    following = torch.cat([images[..., 1:], images[..., -2:-1]], dim=-1)
    local = -(SIDE - 1) / 2 * (following - images).square()
    logits = local.mean((2, 3)) @ head.weight.T
    probabilities = network(images).softmax(1)
    expected = probabilities * (logits - (probabilities * logits).sum(1, keepdim=True))
    torch.testing.assert_close(exact(chain)["0"], expected)


def test_circular_convolutions_contribute_nothing_and_strides_do():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular", bias=False),
        nn.Conv2d(4, 4, 3, stride=2, padding=1),
        nn.MaxPool2d(2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, CLASSES),
    )
    # Nothing at the frame, where the image is reflected and the convolution goes round.
    images = functional.pad(random_images(2, 12), (6, 6, 6, 6))
    chain = run(network.double().eval().requires_grad_(False), images, "translation_x")
    size = {layer.name: layer_norm.item() for layer, layer_norm in zip(chain.layers, norms(chain), strict=True)}
    assert size["0"] < 1e-12 * size["2"]
    assert size["1"] < 1e-12 * size["2"]
    assert size["2"] > 1e-6
    assert size["3"] > 1e-6
    kinds = {layer.name: layer.kind for layer in chain.layers}
    assert [kinds[name] for name in "0234"] == ["convolution", "downsampling", "pooling", "pooling"]


def norms(chain: Chain) -> Tensor:
    return torch.stack([*exact(chain).values()]).norm(dim=(1, 2))


@pytest.mark.parametrize("transformation", list(FIELDS))
def test_averages_of_blocks_of_a_plane_move_with_it(transformation):
    # On a plane the mean over a cell is the value in its centre, and stays so under an affine field.
    x, y = places(torch.zeros(24, 24, dtype=torch.float64))
    plane = (2 * x + 3 * y)[None, None]
    along_x, along_y = FIELDS[transformation](x, y)
    expected = functional.avg_pool2d((2 * along_x + 3 * along_y)[None, None], 4)
    generated = generate(functional.avg_pool2d(plane, 4), transformation, (24, 24))
    torch.testing.assert_close(generated[..., :-1, :-1], expected[..., :-1, :-1])


class Overwriting(nn.Module):
    """In every way in which a network overwrites values."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.act = nn.SiLU(inplace=True)
        self.head = nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.conv(x))
        x *= 2
        x.add_(x.flip(-1))
        functional.relu(x, inplace=True)
        other = functional.gelu(x)
        other[:, :2] = x[:, 1:3].square()
        buffer = torch.zeros_like(x)
        buffer[:, 1:] = other[:, 1:]
        return self.head((buffer + x).mean((2, 3)))


def test_values_that_are_overwritten():
    torch.manual_seed(0)
    network = Overwriting().double().eval().requires_grad_(False)
    images = random_images(2, SIDE)
    plain = network(images).softmax(1)
    chain = run(network, images, "rotation")
    assert network.act.inplace
    torch.testing.assert_close(chain.answer, plain)
    change = end_to_end(network, images, "rotation")
    torch.testing.assert_close(torch.stack([*exact(chain).values()]).sum(0), change)
    kinds = [layer.kind for layer in chain.layers]
    assert kinds.count("non-linearity") == 4
