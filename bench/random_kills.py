"""A study through `snakemake --profile slurm` while its jobs die at random moments: does it end as if nothing had been?

    PYTHONPATH=. python bench/random_kills.py STUDY.yaml DATA --seed 0 --blows 12

Starts the tests' Slurm (root, Slurm's packages), runs the study undisturbed on this machine, then in another folder
on Slurm, where every few seconds a random process of a random job is killed, a job is cancelled or requeued, or
Snakemake is interrupted; after the last blow it may end. Prints the blows, and how many of the final files (weights,
tables, plotted numbers) are the same, to the byte.
"""

import argparse
import os
import random
import subprocess
import tempfile
import time
from pathlib import Path

import psutil
import yaml

from bench.command import command, file, folder
from tests.slurm.conftest import CLUSTER
from tests.slurm.jobs import Job, Run, jobs, start_requeued
from tests.workflow import Checkout

RESULTS = ("trainings/*/*/model.safetensors", "figures/*.csv", "tables/*.csv")
SECONDS = (2, 25)  # between two blows


def main() -> None:
    """Run it, by the options of the command line."""
    parser = command(__doc__)
    parser.add_argument("study", type=file)
    parser.add_argument("data", type=folder)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--blows", type=int, default=12)
    options = parser.parse_args()
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        quiet, troubled = prepare(place / "quiet", options), prepare(place / "troubled", options)
        os.environ["SLURM_CONF"] = str(place / "cluster" / "slurm.conf")
        subprocess.run([CLUSTER, "start", place / "cluster"], check=True)
        try:
            disturb(troubled, random.Random(options.seed), options.blows)
        finally:
            subprocess.run([CLUSTER, "stop", place / "cluster"], check=True)
        quiet.snakemake("figures", "tables", "trainings")
        compare(quiet, troubled)


def prepare(folder: Path, options: argparse.Namespace) -> Checkout:
    """A checkout with the study under the name that all tests use."""
    checkout = Checkout.make(folder)
    checkout.write_study(yaml.safe_load(options.study.read_text()))
    (checkout.folder / "data").symlink_to(options.data.resolve())
    return checkout


def disturb(checkout: Checkout, chance: random.Random, blows: int) -> None:
    """Run the study on Slurm; a run that a blow has ended is started again by the same command."""
    starts = 0
    while True:
        starts += 1
        with Run(checkout, "figures", "tables", "trainings") as run:
            pause = time.monotonic() + chance.uniform(*SECONDS)
            while run.process.poll() is None:
                start_requeued(checkout)
                if blows and time.monotonic() > pause:
                    blows -= strike(run, chance)
                    pause = time.monotonic() + chance.uniform(*SECONDS)
                time.sleep(0.5)
        if run.process.returncode == 0:
            break
        print(f"Snakemake ended with status {run.process.returncode}:", *run.output.splitlines()[-3:], sep="\n    ")
    counts = [job.starts for job in jobs(checkout)]
    print(f"{starts} starts of Snakemake, {len(counts)} Slurm jobs, {sum(counts)} starts of them")


def strike(run: Run, chance: random.Random) -> bool:
    """One blow; returns whether there was something to hit."""
    alive = [job for job in jobs(run.checkout) if job.state == "RUNNING"]
    if not alive:
        return False
    job, kind = chance.choice(alive), chance.choice(["kill", "kill", "kill", "scancel", "requeue", "interrupt"])
    print(f"{time.strftime('%X')} {kind} {job.number} {job.name}", flush=True)
    if kind == "kill":
        return kill(job, chance)
    if kind == "interrupt":
        run.interrupt()
    else:
        subprocess.run(
            ["scancel", job.number] if kind == "scancel" else ["scontrol", "requeue", job.number], check=False
        )
    return True


def kill(job: Job, chance: random.Random) -> bool:
    """Kill -9 a random process of a job, be it ours, Snakemake's or a shell."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("SLURM_JOB_ID") == job.number:
                found.append(process)
        except psutil.Error:
            continue
    if found:
        victim = chance.choice(found)
        print(f"    {' '.join(victim.cmdline())[:100]}")
        victim.kill()
    return bool(found)


def compare(quiet: Checkout, troubled: Checkout) -> None:
    """Say which final files differ."""
    ours, theirs = (
        {path.relative_to(one.results()): path for pattern in RESULTS for path in one.results().glob(pattern)}
        for one in (quiet, troubled)
    )
    same = [name for name in ours if name in theirs and ours[name].read_bytes() == theirs[name].read_bytes()]
    print(f"{len(same)} of {len(ours)} final files are the same, to the byte; {len(theirs)} were made")
    for name in sorted({*ours, *theirs} - set(same)):
        print(f"    differs: {name}")


if __name__ == "__main__":
    main()
