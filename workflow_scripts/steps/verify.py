"""Rule `verify`: reads every result of a study and lists what is damaged, unknown or out of date."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.common.arrays import read_array
from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import read_table, remove, remove_leftovers
from workflow_scripts.common.progress import progress_bar
from workflow_scripts.common.seals import BROKEN, FOLDER, fault, put_seal, read_seal
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.embeddings.cache import INDEX, keys_of_arrays
from workflow_scripts.steps.start import start
from workflow_scripts.study.config import Config
from workflow_scripts.workflow.holding import HELD
from workflow_scripts.workflow.workspace import Workspace

# The table of planted images.
FACTORS = "factors.parquet"
# Folders in which no job reads what another wrote, or that prove themselves (checkpoints).
PASSED_OVER = ("logs", "state", "cost", FOLDER, HELD)


@dataclass(frozen=True)
class Finding:
    """A file or folder that is not what the study asks for."""

    kind: str
    """damaged; unknown, without a seal; stale, made by other code, settings or data; or foreign: no step makes it."""
    path: Path
    why: str


def verify(*, configuration: Config, snakefile: str) -> None:
    """Print what is wrong with the results of the study, and remove it if `configuration.repair`.

    The next run makes again what was removed. Files that no step of the study makes stay in any case: they may be the
    user's, or results of models and methods that the study no longer names. Raises `InputError` where something is
    wrong and stays.
    """
    workspace, _ = start(configuration.model_dump(), snakefile)
    root = Path(workspace.results)
    units = sorted(_units(workspace, root))
    findings = [found for unit in progress_bar(units, "reading results") if (found := examine(workspace, unit))]
    findings += [Finding("damaged", path, why) for path, why in damaged_arrays(Path(workspace.store))]
    leftovers = [path for folder in _folders(root) for path in remove_leftovers(folder)]
    for found in findings:
        print(f"{found.kind}: {found.path}: {found.why}")
    wrong = [found for found in findings if found.kind != "foreign"]
    counts = Counter(found.kind for found in findings)
    said = ", ".join(f"{counts[kind]} {kind}" for kind in ("damaged", "unknown", "stale", "foreign"))
    print(f"verify: {len(units)} results of {workspace.name!r} read: {said}; {len(leftovers)} leftovers removed.")
    if not wrong:
        return
    if not configuration.repair:
        raise InputError(
            f"{len(wrong)} results of {workspace.name!r} are not to be used; 'snakemake verify --config repair=true' "
            "removes them, and the next run makes them again"
        )
    for found in wrong:
        remove(found.path)
        if found.path.suffix != ".npy":
            # Without a seal, nothing would ask for a file whose followers are there.
            put_seal(found.path, BROKEN)
    print(f"verify: removed {len(wrong)} results; the next run makes them again.")


def examine(workspace: Workspace, unit: Path) -> Finding | None:
    """What is wrong with an output of the study, a file or a folder; None where nothing is."""
    try:
        step, wildcards = workspace.steps.maker(unit.as_posix())
        key = step.key(wildcards)
    except (LookupError, ValueError):
        return Finding("foreign", unit, "the study as it is makes no such file; it is left alone")
    seal = read_seal(unit)
    if seal is None:
        return Finding("unknown", unit, "it has no seal, so nobody knows what it is")
    why = next((f"{path.name}: {why}" if path != unit else why for path, why in _faults(unit)), None)
    if why:
        return Finding("damaged", unit, why)
    if seal.key != key:
        return Finding("stale", unit, f"made with key {seal.key}, and the study as it is gives {key}")
    return None


def _faults(unit: Path) -> Iterator[tuple[Path, str]]:
    """Damaged files of an output, with what is wrong with each."""
    yield from _damaged_images(unit)
    is_view = any(unit.glob("*.npy")) and (unit / INDEX).is_file() and not fault(unit / INDEX)
    # In the store, an array's file is called by its key.
    keys = keys_of_arrays(unit) if is_view else {}
    for path in sorted(unit.rglob("*")) if unit.is_dir() else [unit]:
        if path.is_dir() or FOLDER in path.parts:
            continue
        try:
            if path.suffix == ".npy":
                read_array(path, keys.get(path.name, path.stem))
            elif read_seal(path) is not None and (why := fault(path)):
                yield path, why
            elif path.suffix == ".arrow":
                reader = ShardReader([path])
                for row in range(len(reader)):
                    reader.encoded(row)
        except InputError as error:
            yield path, str(error).removeprefix(f"{path}: ").split("; ")[0]


def _damaged_images(unit: Path) -> Iterator[tuple[Path, str]]:
    """Planted images that are not those that the table of their factors tells of."""
    if (unit / FACTORS).is_file() and not fault(unit / FACTORS):
        for path, digest in read_table(unit / FACTORS)[["path", "sha256"]].itertuples(index=False):
            image = unit / path
            if not image.is_file() or hashlib.sha256(image.read_bytes()).hexdigest() != digest:
                yield image, "not the image that was generated"


def damaged_arrays(store: Path) -> Iterator[tuple[Path, str]]:
    """Damaged arrays of the store of embeddings, with what is wrong with each."""
    for path in sorted(store.glob("*/*.npy")):
        yield from _faults(path)


def _units(workspace: Workspace, root: Path) -> Iterator[Path]:
    """What the steps of the study have made, and files that none of them makes."""
    for folder in _folders(root):
        inside = [parent for parent in (folder, *folder.parents) if parent != root and parent.is_relative_to(root)]
        if any(_is_made(workspace, parent) for parent in inside) or Path(workspace.store) in inside:
            continue
        for entry in folder.iterdir():
            made = _is_made(workspace, entry)
            if made or (entry.is_file() and not entry.name.startswith(".") and entry != workspace.sources.memory):
                yield entry


def _is_made(workspace: Workspace, path: Path) -> bool:
    try:
        workspace.steps.maker(path.as_posix())
    except LookupError:
        return False
    return True


def _folders(root: Path) -> Iterator[Path]:
    for folder, inner, _ in os.walk(root):
        inner[:] = [name for name in inner if name not in PASSED_OVER]
        yield Path(folder)


if __name__ == "__main__":
    run(verify)
