"""Bank A: the transformations under which invariance and equivariance are measured (GIB appendix D).

Index 0 is the identity. To add a transformation, add an entry here and its operation to `operations_a`.
"""

from functools import partial

from workflow_scripts.transformations.entry import Entry, by_name, equal_steps

_geometric = partial(Entry, family="geometric")
_appearance = partial(Entry, family="appearance")
_SIDE = "fraction of the side"
# Bits are whole numbers: two neighbouring steps can be the same, and are then computed once.
_BITS = tuple(float(round(bits)) for bits in equal_steps(8, 0))

BANK_A = by_name(
    (
        _geometric(
            name="shearX",
            title="shear x",
            unit="degrees",
            values=equal_steps(0, 90),
            operation="shear_x",
            signed=True,
            group="shear_x",
        ),
        _geometric(
            name="shearY",
            title="shear y",
            unit="degrees",
            values=equal_steps(0, 90),
            operation="shear_y",
            signed=True,
            group="shear_y",
        ),
        _geometric(
            name="translateX",
            title="translate x",
            unit=_SIDE,
            values=equal_steps(0, 1),
            operation="translate_x",
            signed=True,
            group="translation_x",
        ),
        _geometric(
            name="translateY",
            title="translate y",
            unit=_SIDE,
            values=equal_steps(0, 1),
            operation="translate_y",
            signed=True,
            group="translation_y",
        ),
        _geometric(
            name="rotate",
            title="rotate",
            unit="degrees",
            values=equal_steps(0, 180),
            operation="rotate",
            signed=True,
            group="rotation",
        ),
        _geometric(
            name="scale_zoom_out",
            title="zoom out",
            unit="factor",
            values=equal_steps(1, 0.28),
            operation="scale",
            group="scale",
        ),
        _geometric(
            name="scale_zoom_in",
            title="zoom in",
            unit="factor",
            values=equal_steps(1, 3.5),
            operation="scale",
            group="scale",
        ),
        _appearance(name="posterize", title="posterize", unit="bits", values=_BITS, operation="posterize"),
        _appearance(
            name="decrease_contrast",
            title="decrease contrast",
            unit="factor",
            values=equal_steps(1, 0),
            operation="adjust_contrast",
        ),
        _appearance(
            name="decrease_brightness",
            title="decrease brightness",
            unit="factor",
            values=equal_steps(1, 0),
            operation="adjust_brightness",
        ),
        _appearance(
            name="increase_contrast",
            title="increase contrast",
            unit="factor",
            values=equal_steps(1, 2),
            operation="adjust_contrast",
        ),
        _appearance(
            name="increase_brightness",
            title="increase brightness",
            unit="factor",
            values=equal_steps(1, 2),
            operation="adjust_brightness",
        ),
        _appearance(
            name="solarize", title="solarize", unit="threshold", values=equal_steps(256, 0), operation="solarize"
        ),
    )
)
