"""Injects a fault into a copy of a finished study, and tells whether it was survived.

A fault is survived if it changes nothing or is named: the outputs are those of the undisturbed run, byte for byte, or
the job ends with one line that says what is wrong and leaves no output that differs, and the same job, run again
without the fault, makes the undisturbed outputs. Everything random follows from the number of the trial.
"""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.faults.workspace import (
    SECONDS,
    Job,
    begin,
    contents,
    files_of,
    finished,
    jobs,
    remove_outputs,
    run,
)
from tests.workflow import Checkout

# So long a job that is told to end, or whose parent was killed, may take.
PATIENCE = 20


@dataclass
class Bench:
    """The undisturbed study, a copy that is damaged and mended, and the jobs."""

    folder: Path
    whole: Checkout = field(init=False)
    copy: Checkout = field(init=False)
    jobs: list[Job] = field(init=False)
    seconds: dict[str, float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.whole = finished(self.folder / "whole")
        self.copy = self.whole.copy(self.folder / "copy")
        self.jobs = jobs(self.whole)

    def mend(self) -> None:
        """Make the copy what it was."""
        shutil.rmtree(self.copy.folder / "results")
        shutil.copytree(self.whole.folder / "results", self.copy.folder / "results")

    def differs(self, job: Job, *, complete: bool) -> str | None:
        """The first output of the copy that is not as undisturbed; where not all is `complete`, it may be absent."""
        for output in job.outputs:
            expected = contents(self.whole.folder, output)
            found = contents(self.copy.folder, output)
            if found != expected and (complete or any(expected.get(name) != data for name, data in found.items())):
                return next(name for name in sorted({*expected, *found}) if expected.get(name) != found.get(name))
        return None

    def says(self, job: Job) -> str:
        """The log of the job's last run in the copy."""
        path = self.copy.folder / job.log
        return path.read_text(errors="replace") if path.exists() else ""


Fault = Callable[[Bench, Job, random.Random], str | None]
"""Injects a fault into a job; returns what went wrong, None where it was survived."""


def _named(bench: Bench, job: Job, what: str, text: str) -> str | None:
    """Whether the job said in one line what is wrong."""
    log = bench.says(job)
    if "Traceback" in log:
        return f"{what}: a traceback: {log.strip().splitlines()[-1]}"
    last = (log.strip().splitlines() or [""])[-1]
    return None if last.startswith("error: ") and text in last else f"{what}: the log ends with {last!r}"


def _again(bench: Bench, job: Job, what: str) -> str | None:
    """Whether the job, run again undisturbed, makes the undisturbed outputs and leaves nothing else."""
    if status := run(bench.copy, job):
        return f"{what}: status {status} when run again: {bench.says(job).strip().splitlines()[-1:]}"
    if other := bench.differs(job, complete=True):
        return f"{what}: {other} differs after it was run again"
    left = [path for path in (bench.copy.folder / "results").rglob(".*.tmp*") if ".seals" not in path.parts]
    return f"{what}: {left[0].name} is left" if left else None


def damage(bench: Bench, job: Job, chance: random.Random) -> str | None:
    """One file that the job reads is damaged: a bit, zeros, an end, or another file's bytes."""
    files = files_of(bench.copy, job.inputs)
    victim = chance.choice(files)
    data = bytearray(victim.read_bytes())
    kind, place = chance.choice(["bit", "zeros", "cut", "grown", "swapped"]), chance.randrange(len(data))
    if kind == "bit":
        data[place] ^= 1 << chance.randrange(8)
    elif kind == "zeros":
        data[place : place + 64] = bytes(len(data[place : place + 64]))
    elif kind == "cut":
        del data[place:]
    elif kind == "grown":
        data += b"\0" * (place % 100 + 1)
    else:
        data = bytearray(chance.choice(files).read_bytes())
    victim.unlink()
    victim.write_bytes(data)
    what = f"{kind} in {victim.relative_to(bench.copy.folder)}"
    remove_outputs(bench.copy, job)
    if run(bench.copy, job) == 0:
        other = bench.differs(job, complete=True)
        return f"{what}: {other} differs, and nothing was said" if other else None
    name = victim.name.removesuffix(".json") if ".seals" in victim.parts else victim.name
    return _named(bench, job, what, name) or (
        f"{what}: {other} was left" if (other := bench.differs(job, complete=False)) else None
    )


def _moment(bench: Bench, job: Job, chance: random.Random) -> float:
    """A moment in the life of a job, in seconds from its start; an undisturbed run tells how long it lives."""
    if job.name not in bench.seconds:
        remove_outputs(bench.copy, job)
        started = time.monotonic()
        if run(bench.copy, job):
            raise RuntimeError(f"{job.name} fails undisturbed: {bench.says(job)}")
        bench.seconds[job.name] = time.monotonic() - started
    remove_outputs(bench.copy, job)
    return chance.uniform(0, 1.1 * bench.seconds[job.name])


def _kill(bench: Bench, job: Job, chance: random.Random, number: int) -> str | None:
    moment = _moment(bench, job, chance)
    what = f"{signal.Signals(number).name} after {moment:.2f} s"
    process = begin(bench.copy, job)
    time.sleep(moment)
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    os.killpg(process.pid, number) if process.poll() is None else None
    try:
        process.communicate(timeout=PATIENCE)
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        return f"{what}: it goes on after {PATIENCE} s"
    _, alive = psutil.wait_procs(family, timeout=PATIENCE)
    if alive:
        return f"{what}: {alive[0].name()} goes on"
    if number == signal.SIGINT and "Traceback" in bench.says(job):
        return f"{what}: a traceback: {bench.says(job).strip().splitlines()[-1]}"
    if other := bench.differs(job, complete=False):
        return f"{what}: {other} was left half-written"
    return _again(bench, job, what)


def killed(bench: Bench, job: Job, chance: random.Random) -> str | None:
    """The job and all its processes are killed outright at a random moment."""
    return _kill(bench, job, chance, signal.SIGKILL)


def terminated(bench: Bench, job: Job, chance: random.Random) -> str | None:
    """The job gets SIGTERM at a random moment."""
    return _kill(bench, job, chance, signal.SIGTERM)


def interrupted(bench: Bench, job: Job, chance: random.Random) -> str | None:
    """Ctrl-C at a random moment."""
    return _kill(bench, job, chance, signal.SIGINT)


def cannot_write(bench: Bench, job: Job, chance: random.Random) -> str | None:
    """No file may become larger than a random size: every write beyond fails, as on a full disk."""
    largest = max(len(data) for output in job.outputs for data in contents(bench.whole.folder, output).values())
    limit = chance.randrange(0, largest // 1024 + 2)
    remove_outputs(bench.copy, job)
    # The log is written before the limit holds for it: a job that cannot say anything cannot be asked.
    command = f"trap '' XFSZ; ulimit -f {limit}"
    what = f"files of at most {limit} KiB"
    status = run(bench.copy, job, command)
    if other := bench.differs(job, complete=status == 0):
        return f"{what}: {other} is not as undisturbed"
    if status and "Traceback" in bench.says(job):
        return f"{what}: a traceback: {bench.says(job).strip().splitlines()[-1]}"
    return _again(bench, job, what) if status else None


SURROUNDINGS: dict[str, tuple[str, dict[str, str | None]]] = {
    "umask 077": ("umask 077", {}),
    "no HOME": ("", {"HOME": None}),
    "HOME that is not there": ("", {"HOME": "/nonexistent"}),
    "LANG=C": ("", {"LANG": "C", "LC_ALL": "C"}),
    "TMPDIR that is not there": ("", {"TMPDIR": "/nonexistent"}),
    "64 open files": ("ulimit -n 64", {}),
    "a notebook's backend": ("", {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}),
    "a launcher's variables": (
        "",
        {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"},
    ),
    "a random.py in the working folder": ("echo 'raise SystemExit(3)' > random.py", {}),
    "python warnings as errors": ("", {"PYTHONWARNINGS": "error"}),
}


def surroundings(bench: Bench, job: Job, chance: random.Random) -> str | None:
    """The user's environment is unusual; the outputs are the undisturbed ones, or one line says what is wrong."""
    name = chance.choice(sorted(SURROUNDINGS))
    before, changes = SURROUNDINGS[name]
    remove_outputs(bench.copy, job)
    status = run(bench.copy, job, before, (), **changes)
    (bench.copy.folder / "random.py").unlink(missing_ok=True)
    if status:
        return _named(bench, job, name, "") or _again(bench, job, name)
    other = bench.differs(job, complete=True)
    return f"{name}: {other} differs" if other else None


def read_only(bench: Bench, job: Job, _chance: random.Random) -> str | None:
    """The folder of an output is a file: nothing can be written there, whoever runs the job."""
    remove_outputs(bench.copy, job)
    folder = (bench.copy.folder / job.outputs[0]).parent
    kept = folder.with_name(f"{folder.name}.kept")
    folder.rename(kept)
    folder.write_text("in the way")
    status = run(bench.copy, job)
    folder.unlink()
    kept.rename(folder)
    what = f"a file in the place of {folder.name}"
    if status == 0:
        return f"{what}: status 0"
    return _named(bench, job, what, "") or _again(bench, job, what)


# Root may do everything but what these capabilities allow, so the system asks for permissions as it asks everybody.
UNPRIVILEGED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner", "--inh-caps=-all")


def no_permission(bench: Bench, job: Job, chance: random.Random) -> str | None:
    """The user may not write into a folder of outputs, or may not read an input."""
    remove_outputs(bench.copy, job)
    inputs = files_of(bench.copy, job.inputs)
    if inputs and chance.random() < 0.5:
        place, rights, what = chance.choice(inputs), 0o000, "no permission to read"
    else:
        place, rights, what = (bench.copy.folder / job.outputs[0]).parent, 0o555, "no permission to write into"
    what = f"{what} {place.relative_to(bench.copy.folder)}"
    before = place.stat().st_mode
    place.chmod(rights)
    status = run(bench.copy, job, within=UNPRIVILEGED if os.geteuid() == 0 else ())
    place.chmod(before)
    if status == 0:
        # A seal may be enough to read.
        other = bench.differs(job, complete=True)
        return f"{what}: {other} differs" if other else None
    return _named(bench, job, what, "") or _again(bench, job, what)


# In the place of $1 a file system with $2 inodes more than its files take; what the job leaves there goes to $3.
FEW_INODES = """
kept=$(mktemp -d) && cp -a "$1/." "$kept" &&
mount -t tmpfs -o nr_inodes=$(($(find "$1" | wc -l) + $2)) none "$1" &&
cp -a "$kept/." "$1" && rm -rf "$kept" || exit 99
place=$1 after=$3; shift 3
"$@"; status=$?
cp -a "$place/." "$after"; exit $status
"""


def no_inodes(bench: Bench, job: Job, chance: random.Random) -> str | None:
    """The file system of the outputs takes only a few more files."""
    remove_outputs(bench.copy, job)
    place, after = (bench.copy.folder / job.outputs[0]).parent, bench.copy.folder / "after"
    more = chance.randrange(8)
    after.mkdir()
    within = ("unshare", "--mount", "bash", "-c", FEW_INODES, "few-inodes", str(place), str(more), str(after))
    status = run(bench.copy, job, within=within)
    shutil.rmtree(place)
    after.rename(place)
    what = f"{more} more files in {place.relative_to(bench.copy.folder)}"
    if other := bench.differs(job, complete=status == 0):
        return f"{what}: {other} is not as undisturbed"
    if status == 0:
        return None
    return _named(bench, job, what, "") or _again(bench, job, what)


def taken_away(bench: Bench, job: Job, chance: random.Random) -> str | None:
    """The folder of all results gets another name while the job runs."""
    moment = _moment(bench, job, chance)
    what = f"results taken away after {moment:.2f} s"
    results, away = bench.copy.folder / "results", bench.copy.folder / "away"
    process = begin(bench.copy, job)
    time.sleep(moment)
    results.rename(away)
    try:
        process.communicate(timeout=SECONDS)
    finally:
        # What the job wrote since is in a folder of the old name. A job that just ends may have outputs in both:
        # Snakemake misses one that is not there, and no job reads one whose seal is not there.
        other = bench.differs(job, complete=False)
        shutil.rmtree(results, ignore_errors=True)
        away.rename(results)
    if other:
        return f"{what}: {other} is not as undisturbed"
    if process.returncode == 0:
        return None if not bench.differs(job, complete=False) else f"{what}: what was left differs"
    return _named(bench, job, what, "") or _again(bench, job, what)


FAULTS: dict[str, Fault] = {
    "damaged input": damage,
    "killed (SIGKILL)": killed,
    "told to end (SIGTERM)": terminated,
    "Ctrl-C (SIGINT)": interrupted,
    "full disk (file size limit)": cannot_write,
    "unusual environment": surroundings,
    "folder that cannot be written": read_only,
    "no permission": no_permission,
    "results taken away": taken_away,
    # Only root may have a file system of its own.
    **({"no inodes": no_inodes} if os.geteuid() == 0 else {}),
}


def reading_jobs(bench: Bench) -> list[Job]:
    """Jobs that read what another job wrote."""
    return [job for job in bench.jobs if files_of(bench.whole, job.inputs)]


def trial(bench: Bench, number: int, kinds: list[str]) -> tuple[str, str, str | None]:
    """Trial `number`: its kind of fault, its job, and what went wrong, None where the fault was survived."""
    chance = random.Random(number)
    kind = kinds[number % len(kinds)]
    job = chance.choice(reading_jobs(bench) if kind == "damaged input" else bench.jobs)
    bench.mend()
    return kind, job.name, FAULTS[kind](bench, job, chance)
