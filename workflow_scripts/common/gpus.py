"""Which GPUs a job uses: those that it has leased, so that jobs side by side do not meet on one.

A lease is a lock of the system on a file of the machine, so it ends with its process, whatever ends that. Where a
cluster gives out GPUs, the jobs of one allocation share what it holds, and those of another are not seen.
"""

import fcntl
import os
import re
import sys
import tempfile
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import IO

from workflow_scripts.common.errors import InputError

WANTED = "WHENCE_GPUS"
"""Variable with the number of GPUs that a job's process takes; nothing where it runs on the processor."""
SHARED = "WHENCE_JOBS_PER_GPU"
"""Variable with the number of jobs that may share a GPU."""
VISIBLE = "CUDA_VISIBLE_DEVICES"
# Parts of a GPU that can be leased: as many as most small numbers of jobs divide.
PARTS = 60
# Seconds between two looks.
PAUSE = 0.5
# A lock ends when its file is closed.
_held: list[IO[bytes]] = []


def visible(environment: MutableMapping[str, str]) -> list[str]:
    """Names of the GPUs that this process may use, as CUDA counts them or as the user has named them."""
    if (named := environment.get(VISIBLE)) is not None:
        names = [name.strip() for name in named.split(",")]
        # CUDA takes no name behind one that it does not know.
        return names[: next((at for at, name in enumerate(names) if name in ("", "-1")), len(names))]
    driver = Path("/proc/driver/nvidia/gpus")
    found = list(driver.iterdir()) if driver.is_dir() else list(Path("/dev").glob("nvidia[0-9]*"))
    return [str(number) for number in range(len(found))]


def lease(environment: MutableMapping[str, str]) -> None:
    """Take as many GPUs as the environment wants, wait until they are free, and let CUDA see those alone.

    Jobs that wait are served in the order in which they came. Raises `InputError` where there are never so many.
    """
    wanted, jobs = int(environment.get(WANTED, "0")), int(environment.get(SHARED, "1"))
    names = visible(environment)
    if not wanted or not names:
        return
    if wanted > len(names):
        raise InputError(
            f"{wanted} ranks need a GPU each, and {len(names)} can be seen here ({', '.join(names)}); "
            "set execution.ranks lower"
        )
    environment[VISIBLE] = ",".join(_take(_folder(environment), names, wanted, PARTS // jobs))


def _folder(environment: MutableMapping[str, str]) -> Path:
    """Where the locks lie: the same folder for all jobs of a user on this machine, or in this allocation."""
    memory = Path("/dev/shm")
    place = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    folder = place / f"whence-gpus-{os.getuid()}" / environment.get("SLURM_JOB_ID", "machine")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _take(folder: Path, names: list[str], wanted: int, parts: int) -> list[str]:
    """Lease so many parts of so many GPUs; those with the most free parts first."""
    taken: list[str] = []
    said = False
    with (folder / "queue").open("ab") as queue:
        # Whoever has it is the only one that takes, so nobody waits for what another waiting job has.
        fcntl.lockf(queue, fcntl.LOCK_EX)
        files = {name: (folder / re.sub(r"\W", "-", name)).open("ab") for name in names}
        while True:
            free = {name: _free(files[name]) for name in names if name not in taken}
            for name in sorted(free, key=lambda name: -len(free[name])):
                if len(taken) < wanted and len(free[name]) >= parts:
                    for part in free[name][:parts]:
                        fcntl.lockf(files[name], fcntl.LOCK_EX | fcntl.LOCK_NB, 1, part)
                    taken.append(name)
            if len(taken) == wanted:
                _held.extend(files[name] for name in taken)
                return sorted(taken, key=names.index)
            if not said:
                # Before the job's own messages have a form.
                seen = ", ".join(names)
                print(f"waiting for a free GPU; other jobs use those that can be seen ({seen})", file=sys.stderr)
                said = True
            time.sleep(PAUSE)


def _free(file: IO[bytes]) -> list[int]:
    """Parts of a GPU that no job holds."""
    free = []
    for part in range(PARTS):
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, part)
        except (BlockingIOError, PermissionError):
            continue
        fcntl.lockf(file, fcntl.LOCK_UN, 1, part)
        free.append(part)
    return free
