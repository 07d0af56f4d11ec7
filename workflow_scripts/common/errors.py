"""The one exception that means: the user can mend this."""


class InputError(Exception):
    """Something the user gave is wrong.

    The message is one sentence that names the file, key or row, says what was expected and what to do.
    The command line prints it without a traceback and exits with status 1.
    """


class EndedError(Exception):
    """The job was told to end before its work was done, and has kept what it had."""
