#!/usr/bin/env python3
"""Stand-ins for bsub, bjobs and bkill of LSF, and for qsub, qstat and qdel of SGE and PBS, by the name of the file.

The folder QUEUE holds the script, the output and the process of each job, and what every command was told. Jobs run on
this machine at once. A file `mute` in it makes the queue answer nothing; `broken` puts every job into SGE's state E.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

QUEUE = Path(os.environ["QUEUE"])
NAMES = {"lsf": "LSB_JOBID", "sge": "JOB_ID", "pbs": "PBS_JOBID"}
SYSTEM = os.environ["QUEUE_SYSTEM"]


def submit() -> str:
    """Start what stands in standard input and say its number as the system does."""
    count = len(list(QUEUE.glob("*.sh"))) + 1
    number = f"{count}.server" if SYSTEM == "pbs" else str(count)
    script = QUEUE / f"{number}.sh"
    script.write_text(sys.stdin.read())
    environment = {**os.environ, NAMES[SYSTEM]: number}
    with (QUEUE / f"{number}.out").open("w") as out:
        command = ["sh", str(script)]
        started = subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True)
    (QUEUE / f"{number}.pid").write_text(str(started.pid))
    return f"Job <{number}> is submitted to queue <normal>." if SYSTEM == "lsf" else number


def alive(number: str) -> bool:
    """Whether a process of the job lives that is no zombie."""
    pid = (QUEUE / f"{number}.pid").read_text()
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except OSError:
        return False


def state(number: str) -> str:
    """What the system says of a job; ends the process as the system's command would."""
    if (QUEUE / "mute").exists():
        sys.exit("cannot connect to the server")
    if alive(number):
        return {"lsf": "RUN", "sge": f"job_number: {number}", "pbs": f"{number} run R"}[SYSTEM]
    if SYSTEM == "sge" and (QUEUE / "broken").exists():
        return f"job_number: {number}\nerror reason    1: can't get password entry"
    gone = {
        "lsf": f"Job <{number}> is not found",
        "sge": f"Following jobs do not exist:\n{number}",
        "pbs": f"qstat: Unknown Job Id {number}",
    }
    return sys.exit(gone[SYSTEM])


def main() -> None:
    """Do what the command of this name does."""
    name, told = Path(sys.argv[0]).name, sys.argv[1:]
    with (QUEUE / "told").open("a") as file:
        file.write(json.dumps([name, *told]) + "\n")
    if name.endswith("sub"):
        print(submit())
    elif name in ("bjobs", "qstat"):
        print(state(told[-1]))
    else:
        for number in told:
            os.killpg(int((QUEUE / f"{number}.pid").read_text()), signal.SIGKILL)


if __name__ == "__main__":
    main()
