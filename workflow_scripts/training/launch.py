"""Starts the ranks of a training by torch's launcher, and says why they ended if they did.

python -m workflow_scripts training.launch --standalone --nproc-per-node N -m workflow_scripts training.train ...

The options are those of `torch.distributed.run`. Of a training that fails, the rank says what it can; the launcher only
says what no rank could: that it was killed.
"""

import logging
import os
import signal
import sys

from torch.distributed import run as torch_launcher
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from workflow_scripts.common.cli import explain
from workflow_scripts.common.ending import WORDS, end, say
from workflow_scripts.common.environment import LAUNCHER

# What a rank's process ends with that has said why: an error, or the end that others have caused.
SAID = (1,)


def main(arguments: list[str]) -> None:
    """Run torch's launcher to the end of all ranks."""
    os.environ[LAUNCHER] = str(os.getpid())
    # It reports on its own work, in many lines after the one that says what was wrong.
    logging.disable(logging.CRITICAL)
    try:
        torch_launcher.main(arguments)
    except ChildFailedError as failed:
        rank, failure = failed.get_first_failure()
        if failure.exitcode not in SAID:
            print_end(rank, failure.exitcode)
        end(1)
    except SignalException as signalled:
        end(say(signalled.sigval) if signalled.sigval in WORDS else 128 + signalled.sigval)
    except SystemExit:
        raise
    except BaseException as error:
        end(explain(error))


def print_end(rank: int, status: int) -> None:
    """Say how the process of a rank ended that could not say it."""
    how = f"was killed ({signal.Signals(-status).name})" if status < 0 else f"ended with status {status}"
    hint = ", as the system does where memory is short" if status == -signal.SIGKILL else ""
    line = f"error: rank {rank} {how}{hint}; the training continues from its checkpoint when it is run again"
    print(line, file=sys.stderr)
