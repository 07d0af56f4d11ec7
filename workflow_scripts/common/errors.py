"""The one exception that means: the user can mend this."""


class InputError(Exception):
    """Something the user gave is wrong.

    The message is one sentence that names the file, key or row, says what was expected and what to do.
    The command line prints it without a traceback and exits with status 1. It is one line whatever names it quotes:
    line breaks, control characters and bytes that are not UTF-8 are shown as escapes.
    """

    def __str__(self) -> str:
        text = super().__str__()
        return text if text.isprintable() else "".join(map(_shown, text))


class EndedError(Exception):
    """The job was told to end before its work was done, and has kept what it had."""


def reason_of(error: BaseException) -> str:
    """One line about an exception: the first of its message, or its type where it has none."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _shown(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
