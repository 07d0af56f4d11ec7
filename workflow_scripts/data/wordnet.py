"""Rule `wordnet`: WordNet 3.0, from wherever it can be had."""

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import nltk.data

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import atomic_directory
from workflow_scripts.common.seals import make_seal, put_seal
from workflow_scripts.data.synsets import Synsets

log = logging.getLogger(__name__)
PARTS = ("noun", "verb", "adj", "adv")
FILES = (
    *(name for part in PARTS for name in (f"data.{part}", f"index.{part}", f"{part}.exc")),
    *("index.sense", "cntlist.rev"),
)
FOLDERS = ("", "wordnet", "corpora/wordnet", "dict")
ZIPS = ("wordnet.zip", "corpora/wordnet.zip")
# The names of the lexicographers' files, in the order of their numbers (manual page lexnames(5WN)).
LEXNAMES = """
adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute noun.body noun.cognition
noun.communication noun.event noun.feeling noun.food noun.group noun.location noun.motive noun.object noun.person
noun.phenomenon noun.plant noun.possession noun.process noun.quantity noun.relation noun.shape noun.state
noun.substance noun.time verb.body verb.change verb.cognition verb.communication verb.competition verb.consumption
verb.contact verb.creation verb.emotion verb.motion verb.perception verb.possession verb.social verb.stative
verb.weather adj.ppl
"""
# First lemmas of WordNet 3.0 where versions and truncated files differ: the first and the last synset of data.noun,
# one between, and one at the end of index.noun.
KNOWN = {"n00001740": "entity", "n02084071": "dog", "n13575226": "zymosis", "n15300051": "9/11"}
PACKAGES = ("wordnet-base", "wordnet-sense-index")
SECONDS = 120
"""Limit of one download: a firewall that drops packets gives no answer at all."""


class _UnusableError(Exception):
    """Why WordNet cannot be had from a source."""


def wordnet(*, folder: Path, output: Path) -> None:
    """Provide WordNet 3.0 as the directory `output`, in NLTK's layout.

    It comes from the first of these that has it: `folder` (NLTK's corpus or the `dict` of WordNet itself,
    unpacked or as NLTK's wordnet.zip, with or without corpora/), NLTK's data on this machine, NLTK's
    download, Debian's packages. Raises `InputError`, which lists what was tried, where none has it.
    """
    sources: dict[str, Callable[[Path], Path]] = {
        str(folder): partial(_find, folder),
        "NLTK's data": _find_in_nltk,
        "NLTK's download": _download_from_nltk,
        "Debian's packages": _download_from_debian,
    }
    tried = []
    output.parent.mkdir(parents=True, exist_ok=True)
    for left in output.parent.glob(f".{output.name}.*"):
        # A killed job has left it, for no other job makes this folder.
        shutil.rmtree(left, ignore_errors=True)
    for name, source in sources.items():
        with tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as temporary:
            try:
                # Absolute, as the tools below run in it.
                _take(source(Path(temporary).resolve()), output)
            except _UnusableError as error:
                log.info("not from %s: %s", name, error)
                tried.append(f"{name} ({error})")
            else:
                log.info("WordNet 3.0 from %s", name)
                return
    raise InputError(
        f"no WordNet 3.0; put NLTK's corpus 'wordnet', unpacked or as wordnet.zip, into {folder}; "
        f"tried: {', '.join(tried)}"
    )


def _take(found: Path, output: Path) -> None:
    """Make `output` of the files in `found`, if they are WordNet 3.0."""
    absent = [name for name in FILES if not (found / name).is_file()]
    if absent:
        raise _UnusableError(f"{absent[0]} is missing")
    with atomic_directory(output) as target:
        for name in FILES:
            shutil.copyfile(found / name, target / name)
        _write_lexnames(target / "lexnames")
        for name in (*FILES, "lexnames"):
            put_seal(target / name, make_seal(target / name))
        try:
            synsets = Synsets(target)
            names = {wnid: synsets.of(wnid).lemma_names()[0] for wnid in KNOWN}
        except InputError as error:
            raise _UnusableError(str(error).removeprefix(f"{target}: ")) from error
        for wnid, lemma in KNOWN.items():
            if names[wnid] != lemma:
                raise _UnusableError(f"{wnid} is {names[wnid]}, not {lemma}")


def _write_lexnames(path: Path) -> None:
    """Debian's packages lack this file; it is the same everywhere."""
    numbers = {part: number for number, part in enumerate(PARTS, start=1)}
    lines = [f"{row:02d}\t{name}\t{numbers[name.split('.')[0]]}\n" for row, name in enumerate(LEXNAMES.split())]
    path.write_text("".join(lines), encoding="ascii")


def _find(place: Path, temporary: Path) -> Path:
    """The folder of WordNet's files at or in `place`; zip files are unpacked to `temporary`."""
    for inner in FOLDERS:
        if (place / inner / "data.noun").is_file():
            return place / inner
    for archive in (place, *(place / inner for inner in ZIPS)):
        if archive.suffix == ".zip" and archive.is_file():
            return _unpacked(archive, temporary / "unpacked")
    raise _UnusableError("holds no WordNet" if place.exists() else "is absent")


def _unpacked(archive: Path, target: Path) -> Path:
    try:
        with zipfile.ZipFile(archive) as file:
            file.extractall(target)
    except (OSError, zipfile.BadZipFile, RuntimeError) as error:
        raise _UnusableError(f"{archive.name} cannot be unpacked: {error}") from error
    return _folder_of_nouns(target)


def _folder_of_nouns(root: Path) -> Path:
    for file in root.rglob("data.noun"):
        return file.parent
    raise _UnusableError("data.noun is missing")


def _find_in_nltk(temporary: Path) -> Path:
    # Not nltk.data.find: it refuses what another member of the group could have written.
    for place in nltk.data.path:
        try:
            return _find(Path(str(place)), temporary)
        except _UnusableError:
            continue
    raise _UnusableError("hold no WordNet")


def _download_from_nltk(temporary: Path) -> Path:
    # A process of its own can be stopped; NLTK waits for minutes where a network swallows packets.
    command = [sys.executable, "-W", "ignore", "-m", "nltk.downloader", "-q", "-e", "-d", str(temporary), "wordnet"]
    said = _call(command, temporary, NLTK_DATA=str(temporary))
    try:
        return _find(temporary, temporary)
    except _UnusableError as error:
        # Its exit status is 0 even where it failed.
        raise _UnusableError(said.replace("[nltk_data] ", "") or str(error)) from error


def _download_from_debian(temporary: Path) -> Path:
    """Download and unpack the packages; needs no root, and changes nothing outside `temporary`."""
    options = ["-q", "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=20", "-o", f"Dir::Cache={temporary}"]
    own_lists = ["-o", f"Dir::State::Lists={temporary}/lists", "-o", "APT::Update::Error-Mode=any"]
    try:
        _call(["apt-get", *options, "download", *PACKAGES], temporary)
    except _UnusableError as error:
        log.info("fetching lists of packages: %s", error)
        (temporary / "lists" / "partial").mkdir(parents=True)
        _call(["apt-get", *options, *own_lists, "update"], temporary)
        _call(["apt-get", *options, *own_lists, "download", *PACKAGES], temporary)
    for package in sorted(temporary.glob("*.deb")):
        _call(["dpkg-deb", "-x", str(package), str(temporary / "unpacked")], temporary)
    return _folder_of_nouns(temporary / "unpacked")


def _call(command: list[str], folder: Path, **environment: str) -> str:
    """Run `command` quietly in `folder`; return its complaints, which are the reason where it fails."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise _UnusableError(f"no answer within {SECONDS} s") from error
    except OSError as error:
        raise _UnusableError(f"{command[0]}: {error.strerror}") from error
    lines = [line for line in done.stderr.splitlines() if not line.startswith("W:")]
    complaints = " ".join(" ".join(lines).split())[:200]
    if done.returncode:
        raise _UnusableError(f"{command[0]}: {complaints or f'status {done.returncode}'}")
    return complaints


if __name__ == "__main__":
    run(wordnet)
