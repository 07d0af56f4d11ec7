"""How the geometric transformations of a bank take their pixels: what lies beyond the border, and whole pixels."""

from typing import Literal

from pydantic import Field, model_validator

from workflow_scripts.common.settings import Block


class Warps(Block):
    """What a bank's geometric transformations do at the border and between pixels."""

    border: Literal["fill", "reflect", "edge"] = "fill"
    """What comes in from outside the image: one grey level (`fill`), the image mirrored at its border (`reflect`), or
    its outermost pixels, repeated (`edge`)."""
    fill: int = Field(0, ge=0, le=255)
    """The grey level outside the image, from 0 (black) to 255. The code of GIB's authors has 128 in bank B; in bank A
    it has ImageNet's mean colour, to which 115 is the nearest."""
    whole_pixels: bool = True
    """Whether translations move by whole pixels, the nearest ones, as in bank B of GIB's authors. Otherwise they
    interpolate, as in their bank A."""

    @model_validator(mode="after")
    def _one_border(self) -> "Warps":
        if self.border != "fill" and self.fill:
            raise ValueError(f"fill: {self.fill} is never seen with border: {self.border}; leave one of them out")
        return self

    @property
    def warps(self) -> "Warps":
        """These keys alone, of a bank that has others too."""
        return Warps(**{name: getattr(self, name) for name in Warps.model_fields})

    @property
    def called(self) -> str:
        """What it is in words, for legends."""
        named = {"reflect": "mirrored border", "edge": "border of repeated pixels"}
        border = named.get(self.border, f"border of grey level {self.fill}")
        return border if self.whole_pixels else f"{border}, fractions of pixels"


DEFAULT = Warps()
