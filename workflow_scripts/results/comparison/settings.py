"""What a comparison is told of each study."""

from workflow_scripts.common.settings import Block


class ComparedStudy(Block):
    """A study as a comparison shows it."""

    labels: dict[str, str]
    """Names of its models for readers."""
    titles_a: dict[str, str]
    """Names of its transformations of bank A for readers."""
    border: str = ""
    """What its bank A does at the border and between pixels, if the studies differ in that."""
    titles_b: dict[str, str]
    """Names of its operations of bank B for readers."""
