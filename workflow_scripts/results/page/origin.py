"""Where the page comes from: commit, versions, what each rule cost, and which rule and module made a result."""

import base64
import json
import platform
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.common.provenance import ROOT
from workflow_scripts.common.seals import read_seal

PACKAGES = ("torch", "torchvision", "timm", "numpy", "scipy", "pandas", "pyarrow", "matplotlib", "snakemake")
FORGE = re.compile(
    r"(?:https?://|ssh://|git@)(?:[^@/]*@)?(?P<host>github\.com|gitlab\.com|codeberg\.org)[:/](?P<path>[\w.-]+/[\w.-]+?)"
    r"(?:\.git)?/?"
)
# What Snakemake's tables of benchmarks have, among others.
COLUMNS = {"s", "max_rss"}


@dataclass(frozen=True)
class Commit:
    """The state of the workflow's code when the page was written."""

    digest: str
    """The commit; empty where the code is no clone."""
    changed: bool
    """Whether files that are tracked differ from it."""
    address: str
    """Where a forge shows its files, ending in the commit and a slash; empty if it is not known."""

    @property
    def words(self) -> str:
        """In a few words."""
        if not self.digest:
            return "not known: the code is no clone of a repository"
        return f"{self.digest}{', with uncommitted changes' if self.changed else ''}"


def commit(root: Path = ROOT) -> Commit:
    """The commit of the code in `root`, which must be the top of its clone."""
    top = _git(root, "rev-parse", "--show-toplevel")
    if not top or Path(top).resolve() != root.resolve():
        return Commit("", changed=False, address="")
    digest = _git(root, "rev-parse", "HEAD")
    remote = FORGE.fullmatch(_git(root, "config", "--get", "remote.origin.url"))
    address = f"https://{remote['host']}/{remote['path']}/blob/{digest}/" if remote and digest else ""
    return Commit(digest, bool(_git(root, "status", "--porcelain", "--untracked-files=no")), address)


def _git(root: Path, *arguments: str) -> str:
    """What git says, or nothing where it fails or is not there."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that compute, as installed where the page was written."""
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def module_file(module: str) -> str:
    """The file of a module of ours, from the top of the project."""
    return f"workflow_scripts/{module.replace('.', '/')}.py"


def stamp_of(path: Path) -> tuple[str, str]:
    """Key of a result, and digest of the code that made it; empty where its seal has none."""
    seal = read_seal(path)
    return (seal.stamp.key, seal.stamp.code) if seal and seal.stamp else ("", "")


# What rules cost


def costs(results: Path, records: Path) -> pd.DataFrame:
    """Columns rule, jobs, minutes (of wall time, all jobs) and memory (largest resident set in MB; null if unknown).

    From Snakemake's records of this study's results, in the folder `records`, and the benchmarks beside the logs. A
    result that was copied here has none. The most expensive rule comes first.
    """
    files = pd.DataFrame(_jobs(results, records), columns=["rule", "command", "start", "end"])
    jobs = files.groupby(["rule", "command"]).agg(start=("start", "min"), end=("end", "max")).reset_index()
    table = jobs.assign(minutes=(jobs["end"] - jobs["start"]) / 60).groupby("rule")["minutes"].agg(["size", "sum"])
    table = table.set_axis(["jobs", "minutes"], axis=1)
    memory = pd.Series(dict(_memory(results / "logs")), dtype=float, name="memory")
    return table.join(memory).reset_index().sort_values("minutes", ascending=False, ignore_index=True)


def _jobs(results: Path, records: Path) -> Iterator[tuple[str, str, float, float]]:
    """Rule, command, start and end of the jobs that made files in `results`, once per file."""
    for path in records.rglob("*") if records.is_dir() else ():
        made = _target(path, records)
        if made is None or not made.startswith(f"{results.as_posix()}/"):
            continue
        record = _record(path)
        if isinstance(record.get("starttime"), int | float) and isinstance(record.get("endtime"), int | float):
            yield str(record.get("rule")), str(record.get("shellcmd")), record["starttime"], record["endtime"]


def _target(path: Path, records: Path) -> str | None:
    """The file that a record is about: Snakemake writes its name in base 64, long ones as folders."""
    try:
        name = "".join(part.removeprefix("@") for part in path.relative_to(records).parts)
        return base64.urlsafe_b64decode(name).decode()
    except (ValueError, UnicodeDecodeError):
        return None


def _record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _memory(logs: Path) -> Iterator[tuple[str, float]]:
    """The largest memory of the jobs of each rule that is benchmarked."""
    for folder in sorted(path for path in logs.iterdir() if path.is_dir()) if logs.is_dir() else ():
        tables = [_benchmark(path) for path in folder.rglob("*.tsv")]
        used = [table["max_rss"].max() for table in tables if table is not None]
        if used:
            yield folder.name, float(pd.Series(used, dtype=float).max())


def _benchmark(path: Path) -> pd.DataFrame | None:
    try:
        table = pd.read_csv(path, sep="\t", na_values="-")
    except (OSError, ValueError):
        return None
    return table if set(table.columns) >= COLUMNS else None


def total(minutes: Iterable[float]) -> str:
    """A time in words."""
    value = float(sum(minutes))
    return f"{value / 60:.1f} hours" if value >= 90 else f"{value:.1f} minutes"
