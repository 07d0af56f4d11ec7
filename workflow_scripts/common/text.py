"""Text of the user's: what a name may be that becomes part of a path, and how any text is shown as mere text."""

import re
from typing import Annotated
from unicodedata import category

from pydantic import AfterValidator

# File systems allow 255 bytes in the name of a file; endings, process numbers and digests are added to a name.
LONGEST = 100
MODEL = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
# Without '-', which stands between a method and its seed in names of files.
METHOD = r"[a-z0-9][a-z0-9_.]*"
# What a name that begins a path, or stands in a pattern of Snakemake's, must not hold.
BRACES = re.compile(r"[{}]")
# What begins or ends something in Markdown or HTML. Underscores within a word do not, nor brackets without an address.
MARKUP = re.compile(r"[\\`*|<>~$]|\](?=[(\[:])|&(?=#?\w+;)|\b_|_\b")


def printable(text: str) -> str:
    """`text` in one line: an escape stands for each control character, and for others that cannot be seen."""
    return "".join(one.encode("unicode_escape").decode() if _unseen(one) else one for one in text)


def _unseen(one: str) -> bool:
    return category(one) in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")


def as_rest(text: str) -> str:
    """`text` in one line of reStructuredText in which nothing has a meaning of its own."""
    line = " ".join("".join(" " if _unseen(one) else one for one in text).split())
    return re.sub(r"([^\w\s]|_)", r"\\\1", line)


def as_markdown(text: str) -> str:
    """`text` in one line, in which no character has a meaning in Markdown or HTML."""
    return MARKUP.sub(r"\\\g<0>", printable(text))


def has_controls(text: str) -> bool:
    """Whether control characters are in `text`, or bytes that are not UTF-8."""
    return any(category(one) in ("Cc", "Cs") for one in text)


def _model_name(name: str) -> str:
    return _checked(name, MODEL, "A to Z, a to z, 0 to 9, '_', '-' and '.'")


def _method_name(name: str) -> str:
    return _checked(name, METHOD, "lower-case letters, digits, '_' and '.'")


def _checked(name: str, pattern: str, allowed: str) -> str:
    # A result of the workspace has such an ending, and a folder cannot have its name.
    if not re.fullmatch(pattern, name) or len(name) > LONGEST or name.endswith((".", ".parquet")):
        raise ValueError(
            f"a name begins with a letter or a digit, has at most {LONGEST} characters, uses {allowed} only, "
            "and does not end in '.' or '.parquet'"
        )
    return name


ModelName = Annotated[str, AfterValidator(_model_name)]
"""The name of a model: part of paths and of options."""
MethodName = Annotated[str, AfterValidator(_method_name)]
"""The name of a method of training: part of paths and of options."""


def check_study_name(name: str) -> None:
    """Raise `ValueError` where a study's name, which becomes a folder, would be no name of one or a pattern."""
    if not name[:1].isalnum() or has_controls(name) or BRACES.search(name) or len(name.encode()) > LONGEST:
        raise ValueError(
            f"the name of a study's file begins with a letter or a digit, has at most {LONGEST} bytes, "
            "and no braces and no control characters in it; rename it"
        )
