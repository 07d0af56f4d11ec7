"""What each figure and table shows on the data at hand, in sentences computed from its numbers."""

from workflow_scripts.results.page.findings import (
    answer,
    augmentation,
    banks,
    intervention,
    invariance,
    lie,
    people,
    search,
    tables,
)
from workflow_scripts.results.page.findings.registry import described, finding, findings

__all__ = [
    "answer",
    "augmentation",
    "banks",
    "described",
    "finding",
    "findings",
    "intervention",
    "invariance",
    "lie",
    "people",
    "search",
    "tables",
]
