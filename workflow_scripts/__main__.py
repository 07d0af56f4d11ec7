"""The process of every job: `python -m workflow_scripts PACKAGE.MODULE --option value ...`.

It prepares for its end and sets its environment before it imports anything that takes time or looks at either, and then
calls the module's function of the same name with the options.
"""

import _signal  # the interpreter's own part of `signal`
import os
import sys

if _signal.getsignal(_signal.SIGINT) is not _signal.SIG_IGN:
    # Until the first imports have been made, which take longer than one would think.
    _signal.signal(_signal.SIGINT, lambda *_: (os.write(2, b"interrupted\n"), os._exit(130)))

# Python's own folders first, and this project last: no file beside it, and none in the working folder, takes the place
# of a module. (The modules above are part of the interpreter.)
LIBRARY, PACKAGE = os.path.dirname(os.__file__), os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
ROOT = os.path.dirname(PACKAGE)  # noqa: PTH120
if LIBRARY in sys.path:
    sys.path[:] = [*(place for place in sys.path[sys.path.index(LIBRARY) :] if place != ROOT), ROOT]

from importlib import import_module  # noqa: E402

from workflow_scripts.common.ending import die_with, end_at_signals, leave_words_to_parent  # noqa: E402

end_at_signals()

from workflow_scripts.common.environment import LAUNCHER, launched, set_job_environment  # noqa: E402


def main() -> None:
    """Run the module that the first argument names."""
    if launched():
        die_with(int(os.environ.get(LAUNCHER, os.getppid())))
        leave_words_to_parent()
    set_job_environment(os.environ)
    if not launched():
        _lease_gpus()
    if len(sys.argv) < 2:
        sys.exit("error: name a module, for instance: python -m workflow_scripts metrics.invariance --help")
    name = sys.argv.pop(1)
    try:
        module = import_module(f"workflow_scripts.{name}")
    except ModuleNotFoundError as error:
        if not f"workflow_scripts.{name}".startswith(str(error.name)):
            raise
        sys.exit(f"error: workflow_scripts has no module {name!r}; name one as metrics.invariance")
    if hasattr(module, "main"):
        module.main(sys.argv[1:])
        return
    from workflow_scripts.common.cli import run

    run(getattr(module, name.rpartition(".")[2]))


def _lease_gpus() -> None:
    """Wait for the GPUs of this job, before anything asks CUDA which there are."""
    from workflow_scripts.common.errors import InputError
    from workflow_scripts.common.gpus import lease

    try:
        lease(os.environ)
    except InputError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
