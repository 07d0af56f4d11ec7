"""What each layer of a network adds to its Lie derivative (LEE section 5, by the chain rule), exactly.

For f = f_N o ... o f_1, L f = sum of c_i, with c_i = (Jacobian of the layers after i) L f_i and, at the input h of
layer i, L f_i = J_i G h - G f_i(h), where G is the generator acting on the values between layers (`layouts`). For a
vector v on the output, with g the cotangents that the vector-Jacobian product of the whole network leaves at the
values between layers,

    v.c_i = sum over the inputs of <g on the way into layer i, G input> - sum over its outputs of <g, G output>,

as <g of the output, J_i G h> = <g on the way in, G h>. So one backward pass gives v.c_i of every layer, whatever its
operators are, and around branches: at a value that several layers read, each gets its own share of g. The sum over
layers telescopes to v.(J G x) = v.L f.

A layer is a module without children, an attention, or a function called between modules, provided that its inputs and
outputs have readable places; what has not is part of the innermost module around it that has. So is what a module does
that multiplies matrices which both depend on the image.
"""

import weakref
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

from workflow_scripts.lie.generators import generate
from workflow_scripts.lie.kinds import absorbed_kind, is_attention, kind_of, multiplies, type_of
from workflow_scripts.lie.layouts import Layout, Layouts
from workflow_scripts.lie.settings import Kind, Side

# Asking these of a tensor computes nothing.
QUESTIONS = frozenset(
    ["__get__", "size", "dim", "ndimension", "numel", "stride", "is_contiguous", "is_floating_point", "__len__"]
)
# In evaluation they do nothing.
IDLE = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)


@dataclass(eq=False)
class Call:
    """One call of a module or function, while the network runs and during backward passes."""

    name: str
    type: Kind
    parent: "Call | None"
    modules: list[nn.Module]
    """Modules around it."""
    inputs: list[Layout | None]
    outputs: list[Layout | None] = field(default_factory=list)
    products: Tensor | float = 0.0
    """Products of cotangents and generated values, those of inputs minus those of outputs, [sides, N]."""
    children: list["Call"] = field(default_factory=list)
    absorbed: list[Kind] = field(default_factory=list)
    closed: bool = False
    """Whether it multiplies matrices that both depend on the image, as attention does: what lies between places or
    channels can have the shape of a map, so nothing within is read."""

    @property
    def readable(self) -> bool:
        """Whether all its inputs and outputs have readable places, or are pooled."""
        return None not in self.inputs and None not in self.outputs and bool(self.inputs) and bool(self.outputs)

    @property
    def spatial(self) -> bool:
        """Whether there are places among its inputs."""
        return any(layout is not None and layout.spatial for layout in self.inputs)

    @property
    def host(self) -> "Call | None":
        """The innermost readable call around it, or the outermost of these that is closed."""
        around, above = [], self.parent
        while above is not None:
            around += [above] if above.readable else []
            above = above.parent
        closed = [call for call in around if call.closed]
        return closed[-1] if closed else around[0] if around else None

    @property
    def kind(self) -> Kind:
        """Kind of the layer."""
        tokens_last = any(layout is not None and layout.kind == "NCL" for layout in self.inputs)
        own = absorbed_kind(self.type, self.absorbed, tokens_last)
        cells = [max(layout.area for layout in side if layout) for side in (self.inputs, self.outputs)]
        return kind_of(own, cells[0], cells[1], self.modules)

    def add(self, sign: int, generated: Tensor, cotangent: Tensor) -> None:
        """Add the products of a cotangent [N, ...] and generated values [sides, N, ...], per side and image."""
        self.products += sign * (cotangent * generated).flatten(2).sum(2, dtype=torch.float64)

    def own(self) -> Tensor | float:
        """What it contributes beyond the layers within it, [sides, N]."""
        return self.products - sum(child.products for child in self.children)


@dataclass(frozen=True)
class Chain:
    """A network that has run on some images, ready for vector-Jacobian products."""

    images: Tensor
    answer: Tensor
    """Output of the network, [N, D]."""
    root: Call
    layers: list[Call]
    sides: int

    def products(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """v.c_i of every layer, [layers, sides, N], and v.L f, [sides, N], for v = `vectors` [N, D].

        They are float64, and on the CPU.
        """
        calls = {call for layer in (self.root, *self.layers) for call in (layer, *layer.children)}
        for call in calls:
            call.products = 0.0
        torch.autograd.grad(self.answer, self.images, vectors, retain_graph=True)
        zeros = torch.zeros(self.sides, len(self.images), dtype=torch.float64)
        whole = zeros + torch.as_tensor(self.root.products).cpu()
        return torch.stack([zeros + torch.as_tensor(layer.own()).cpu() for layer in self.layers]), whole


def run(network: nn.Module, images: Tensor, transformation: str, sides: Sequence[Side] = ("authors",)) -> Chain:
    """Run `network`, in evaluation mode and without gradients of its parameters, on `images` [N, C, H, W].

    Its answer are class probabilities, the softmax of its output [N, D]. `transformation` is any in FIELDS, with
    each of `sides` as the derivative of images and maps (see `generate`).
    """
    images = images.detach().requires_grad_()
    recorder = _Recorder(network, images, transformation, sides)
    with torch.enable_grad(), recorder.hooks(), recorder:
        logits = network(images)
    with torch.enable_grad():
        answer = logits.softmax(1)
    return Chain(images, answer, recorder.calls[0], recorder.layers(), len(sides))


class _Recorder(TorchFunctionMode):
    """Notes every call of a module or function, and makes backward passes add up its products."""

    def __init__(self, network: nn.Module, images: Tensor, transformation: str, sides: Sequence[Side]) -> None:
        super().__init__()
        self.network = network
        self.names = {module: name for name, module in network.named_modules()}
        self.layouts = Layouts(network, images)
        frame = self.layouts.frame
        self.acts = [partial(generate, transformation=transformation, frame=frame, side=side) for side in sides]
        self.calls: list[Call] = []
        self.open: list[tuple[nn.Module, Call]] = []
        self.counts: Counter[str] = Counter()
        # The module that counts as one layer and is running, if any: nothing within it is noted.
        self.whole: nn.Module | None = None
        # Whether the recorder itself computes.
        self.busy = False
        # Generated values by the identity of a tensor, with its version; a tensor that has gone may lend its identity.
        self.generated: dict[int, tuple[weakref.ref[Tensor], int, Tensor]] = {}

    def layers(self) -> list[Call]:
        """The layers, in execution order, that a transformation of the image reaches as one."""
        layers = []
        for call in self.calls:
            host = call.host
            if host and (host.closed or None in call.inputs or None in call.outputs):
                host.absorbed.append(call.type)
            elif call.readable and call.spatial:
                layers.append(call)
                if host:
                    host.children.append(call)
        return [call for call in layers if call.absorbed or not call.children]

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """Watch the modules of the network, none of which overwrites its input meanwhile."""
        modules: list[Any] = list(self.network.modules())
        inplace = [module for module in modules if getattr(module, "inplace", False) is True]
        handles = []
        for module in modules:
            handles.append(module.register_forward_pre_hook(self._before, with_kwargs=True))
            handles.append(module.register_forward_hook(self._after))
        try:
            for module in inplace:
                module.inplace = False
            yield
        finally:
            for module in inplace:
                module.inplace = True
            for handle in handles:
                handle.remove()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func.__name__
        if self.busy or self.whole is not None or name in QUESTIONS or not self._dependent((args, kwargs)):
            return func(*args, **kwargs)
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        constant = [tensor for tensor in tensors if not tensor.requires_grad]
        call = self._note(func, len(constant), (args, kwargs))
        entered = self._enter(call, (args, kwargs))
        result = func(*entered[0], **entered[1])
        if any(tensor.requires_grad for tensor in constant):
            # It has written into a tensor that does not come from a layer, and goes on without being watched.
            call.inputs = [None]
            return result
        copies = [leaf for leaf in tree_leaves(entered) if isinstance(leaf, Tensor)]
        for tensor, copy in zip(tensors, copies, strict=True):
            if copy is not tensor and copy._version > 0:
                # The caller goes on with the tensor that the function meant to overwrite.
                tensor.copy_(self._leave(call, copy))
                return tensor if result is copy else result
        return self._leave(call, result)

    def _before(self, module: nn.Module, args: Any, kwargs: Any) -> Any:
        if self.whole is not None:
            return None
        if isinstance(module, IDLE) or type(module).__name__ == "DropPath":
            self.whole = module
            return None
        self.busy = True
        call = self._note(module, 0, (args, kwargs))
        if is_attention(module) or not any(True for _ in module.children()):
            self.whole = module
        self.open.append((module, call))
        entered = self._enter(call, (args, kwargs))
        self.busy = False
        return entered

    def _after(self, module: nn.Module, _args: Any, result: Any) -> Any:
        if self.whole is module:
            self.whole = None
        elif self.whole is not None:
            return None
        if not self.open or self.open[-1][0] is not module:
            return None
        self.busy = True
        result = self._leave(self.open.pop()[1], result)
        self.busy = False
        return result

    def _note(self, called: Any, constants: int, values: Any) -> Call:
        """Note a call that begins."""
        around = [module for module, _ in self.open]
        if isinstance(called, nn.Module):
            name = self.names[called] or "network"
        else:
            name = ".".join(filter(None, [self.names[around[-1]] if around else "", called.__name__.strip("_")]))
        self.counts[name] += 1
        if self.counts[name] > 1:
            name = f"{name}:{self.counts[name]}"
        inputs = [self.layouts.read(value) for value in self._dependent(values)]
        kind = type_of(called, len(inputs), constants)
        parent = self.open[-1][1] if self.open else None
        # Of a network that is one module nothing else would be left.
        if parent and parent is not self.calls[0] and len(inputs) > 1 and multiplies(called):
            parent.closed = True
        call = Call(name, kind, parent, around, inputs)
        self.calls.append(call)
        return call

    def _enter(self, call: Call, values: Any) -> Any:
        """The inputs of a call, each a value of its own, so that its cotangent is that of this way in."""
        if None in call.inputs:
            return values

        def entrance(value: Any) -> Any:
            if not (isinstance(value, Tensor) and value.requires_grad):
                return value
            layout = self.layouts.read(value)
            # A copy: the call may overwrite it.
            copy = value.clone()
            if layout is not None and layout.spatial:
                generated = self._generate(value, layout)
                self._keep(copy, generated)
                copy.register_hook(partial(call.add, 1, generated))
            return copy

        return tree_map(entrance, values)

    def _leave(self, call: Call, result: Any) -> Any:
        """The outputs of a call, each a value of its own."""
        call.outputs = [self.layouts.read(value) for value in self._dependent(result)]
        if not call.readable:
            return result

        def exit_(value: Any) -> Any:
            if not (isinstance(value, Tensor) and value.requires_grad):
                return value
            layout = self.layouts.read(value)
            view = value.view_as(value)
            if layout is not None and layout.spatial:
                generated = self._generate(value, layout)
                self._keep(view, generated)
                view.register_hook(partial(call.add, -1, generated))
            return view

        return tree_map(exit_, result)

    def _generate(self, value: Tensor, layout: Layout) -> Tensor:
        known = self.generated.get(id(value))
        if known and known[0]() is value and known[1] == value._version:
            return known[2]
        with torch.no_grad():
            return torch.stack([layout.apply(act, value.detach()) for act in self.acts])

    def _keep(self, value: Tensor, generated: Tensor) -> None:
        self.generated[id(value)] = (weakref.ref(value), value._version, generated)

    @staticmethod
    def _dependent(values: Any) -> list[Tensor]:
        """The tensors that depend on the image."""
        return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor) and leaf.requires_grad]
