"""The one exception that means: the user can mend this."""


class InputError(Exception):
    """Something the user gave is wrong.

    The message is one sentence that names the file, key or row, says what was expected and what to do.
    The command line prints it without a traceback and exits with status 1. It is one line whatever names it quotes:
    line breaks, control characters and bytes that are not UTF-8 are shown as escapes.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class EndedError(Exception):
    """The job was told to end before its work was done, and has kept what it had."""


def reason_of(error: BaseException) -> str:
    """One line about an exception: the first of its message, or its type where it has none."""
    lines = (line.strip() for line in str(error).splitlines())
    return printable(next((line for line in lines if line), type(error).__name__))


def printable(text: str) -> str:
    """A text in one line, with escapes for whatever would break it, move the cursor, or is not UTF-8."""
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
