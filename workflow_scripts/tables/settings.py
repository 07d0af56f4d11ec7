"""Block `tables` of a study."""

from typing import Literal

from pydantic import Field, PositiveFloat

from workflow_scripts.common.settings import Block, Wanted


class MethodTable(Block):
    """A table of top-1 per method."""

    methods: list[str] | None = None
    """Rows, in this order; where absent, the study's methods with (1b) or without (1a) a Beta law."""


class BetaTable(Block):
    """Moments of the Beta laws of the crop's area."""

    betas: list[PositiveFloat] = Field([0.1, 0.5, 1, 2, 3, 10], min_length=1)
    """Second parameters of the Beta laws."""
    samples: int = Field(1_000_000, ge=2)
    """Draws of the Monte-Carlo estimate next to the exact values."""


class ClassTable(Block):
    """Classes that augmentation hurts or helps (GIB appendix C)."""

    method: str = "rrc"
    """Method under test."""
    baseline: str = "fscc"
    """Method it is compared with."""
    share_of_pairs: float = Field(0.7, ge=0.5, lt=1)
    """A class is hurt (helped) where more than this share of the seed pairs says so."""


class HelpedTable(Block):
    """Overlap of the images that methods help (GIB appendix B)."""

    baseline: str = "fscc"
    """Method that gets the images wrong."""
    methods: list[str] = Field(["fsrc", "t30", "t30_rscc"], min_length=1)
    """Methods that get them right."""


class FamilyTable(Block):
    """Families of the best transformations."""


class BoostTable(Block):
    """The largest weighted boosts."""

    rows: int = Field(10, ge=1)
    """Rows per model, of single transformations and of sub-policies."""


class CalibrationTable(Block):
    """Planted factors that the similarity search finds."""


class PerClassTable(Block):
    """Training with each class's own transformations (GIB section 4.2)."""

    baseline: str = "standard"
    """Method without them that they are compared with."""


class LambdaTable(Block):
    """Top-1 per strength of Augerino's regulariser."""

    transformation: str = "translation"
    """What is learned: one of `augerino.transformations`; of another the table is not made."""


class ForegroundTable(Block):
    """Foregrounds per class (GIB appendix E.1)."""

    order: Literal["class", "area"] = "class"
    """Rows by the class, or by the median area of the foreground's box, largest first."""


class ErrorTable(Block):
    """Equivariance errors; its models are those of `lie`."""


class Tables(Wanted):
    """Tables to make; `null` leaves one out, and so does a method that the study does not train."""

    table_1a: MethodTable | None = MethodTable()
    """Top-1 per augmentation (GIB Table 1a)."""
    table_1b: MethodTable | None = MethodTable()
    """Top-1 per Beta law of the crop's area (GIB Table 1b)."""
    table_a1: BetaTable | None = BetaTable()
    """Moments of the Beta laws (GIB Table A1)."""
    table_a2: ClassTable | None = ClassTable()
    """Classes that augmentation hurts (GIB Table A2)."""
    table_a3: LambdaTable | None = LambdaTable()
    """Top-1 with learned translation, Augerino on in evaluation (GIB Table A3)."""
    table_a4: LambdaTable | None = LambdaTable()
    """The same, off in evaluation (GIB Table A4)."""
    table_a5: LambdaTable | None = LambdaTable(transformation="translation_scale")
    """Top-1 with learned translation and zoom, Augerino on in evaluation (GIB Table A5)."""
    table_a6: LambdaTable | None = LambdaTable(transformation="translation_scale")
    """The same, off in evaluation (GIB Table A6)."""
    table_b: HelpedTable | None = HelpedTable()
    """Overlap of helped images (GIB appendix B)."""
    table_families: FamilyTable | None = FamilyTable()
    """Families of the best transformations per class (GIB section 4.3)."""
    table_weighted_boost: BoostTable | None = BoostTable()
    """The largest weighted boosts (GIB appendix E.2)."""
    table_calibration: CalibrationTable | None = CalibrationTable()
    """Planted factors in the similarity search (ours)."""
    table_per_class_augmentation: PerClassTable | None = PerClassTable()
    """Top-1 of the methods that have `per_class`, overall and per class (GIB section 4.2)."""
    table_foregrounds: ForegroundTable | None = ForegroundTable()
    """Foregrounds per class (GIB appendix E.1)."""
    table_lee: ErrorTable | None = None
    """Equivariance errors of every model (LEE)."""
