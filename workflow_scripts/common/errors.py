"""The one exception that means: the user can mend this."""

from workflow_scripts.common.text import printable


class InputError(Exception):
    """Something the user gave is wrong.

    The message is one sentence that names the file, key or row, says what was expected and what to do.
    The command line prints it without a traceback and exits with status 1. Text of the user's in it stays in that line:
    what cannot be printed is shown escaped.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class EndedError(Exception):
    """The job was told to end before its work was done, and has kept what it had."""
