"""How training changes a model's invariance to what transformations of bank B do (GIB section 4.4)."""

import pandas as pd

# Names of bank A for operations of bank B; rescale by its factor, and contrast, whose sign is drawn per image, is both.
SAME = ("shearX", "shearY", "translateX", "translateY", "rotate", "posterize", "solarize")
BOTH = {"contrast": ("decrease_contrast", "increase_contrast")}
OUT, IN = range(1, 6), range(6, 10)


def counterparts(transformation: str, family: str) -> tuple[str, ...]:
    """Transformations of bank A that are a single transformation of bank B, by name; none for some, as color."""
    operation, index = transformation.split(" ")
    if family == "identity":
        return ()
    if operation == "rescale":
        return ("scale_zoom_out",) if int(index) in OUT else ("scale_zoom_in",)
    return (operation,) if operation in SAME else BOTH.get(operation, ())


def gaps(trained: pd.DataFrame, untrained: pd.DataFrame, magnitudes: list[int]) -> pd.Series:
    """Median invariance trained minus untrained, averaged over `magnitudes`, per transformation of bank A.

    Both tables are summaries of the metric `invariance`; magnitudes that they lack do not count.
    """

    def medians(summary: pd.DataFrame) -> pd.Series:
        chosen = summary[summary["magnitude"].isin(magnitudes)]
        return chosen.groupby("transformation", sort=False)["median"].mean()

    return medians(trained) - medians(untrained)


def learned(transformation: str, family: str, of_bank_a: pd.Series) -> str:
    """`increased`, `decreased`, or `not in bank A`: what training does to the invariance to a transformation."""
    values = of_bank_a.reindex(list(counterparts(transformation, family))).dropna()
    if values.empty:
        return "not in bank A"
    return "increased" if values.mean() > 0 else "decreased"
