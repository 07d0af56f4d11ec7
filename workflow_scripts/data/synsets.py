"""Reads WordNet: synsets by their offsets, and how similar two of them are."""

import re
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Literal

from nltk.corpus.reader.wordnet import Synset, WordNetCorpusReader, WordNetError
from nltk.data import PathPointer, SeekableUnicodeStreamReader

from workflow_scripts.common.errors import InputError, reason
from workflow_scripts.common.seals import MENDING, proved

Measure = Literal["wu_palmer", "leacock_chodorow", "path"]
VERSION = "3.0"
WNID = re.compile(r"n\d{8}")
ENTITY = 1740
# What the parser of NLTK raises for damaged files.
DAMAGE = (OSError, ValueError, LookupError, AssertionError, StopIteration, WordNetError)


class Synsets:
    """The noun synsets of WordNet 3.0 in `folder`, in NLTK's layout.

    Raises `InputError` where the folder is absent, damaged, or of another version.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        for file in sorted(folder.glob("[!.]*")) if folder.is_dir() else []:
            proved(file)
        self._similarity = lru_cache(maxsize=None)(self._compare)
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="The multilingual functions")
                self._reader = _Reader(_Folder(folder), omw_reader=None)
                version = self._reader.get_version()
        except DAMAGE as error:
            raise self._damaged(error) from error
        if version != VERSION:
            raise InputError(f"{folder}: WordNet {version or 'of an unknown version'}, expected {VERSION}; replace it")
        if self._at(ENTITY) is None:
            raise self._damaged(ValueError("its nouns are missing"))

    def of(self, wnid: str) -> Synset:
        """The synset whose offset is in `wnid`, as n02084071; `InputError` where no noun synset has it."""
        if not WNID.fullmatch(wnid):
            raise InputError(f"wnid {wnid!r} should be n and eight digits, as n02084071; correct the class's wnid")
        synset = self._at(int(wnid[1:]))
        if synset is None:
            raise InputError(f"wnid {wnid} is not a noun synset of WordNet {VERSION}; correct the class's wnid")
        return synset

    def similarity(self, first: str, second: str, measure: Measure) -> float:
        """Similarity of two wnids by NLTK, symmetric; larger is more alike.

        Wu-Palmer and path lie in (0, 1]; NLTK's Wu-Palmer of a synset with itself is less than 1 where a
        hypernym lies deeper on another of its paths, as for dog. Leacock-Chodorow is -log(p / 2D), p nodes
        on the shortest path, D the depth of the nouns; its first use takes seconds, to find that depth.
        """
        return self._similarity(*sorted((first, second)), measure)

    def _at(self, offset: int) -> Synset | None:
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="No WordNet synset found")
                return self._reader.synset_from_pos_and_offset("n", offset)
        except DAMAGE as error:
            raise self._damaged(error) from error

    def _compare(self, first: str, second: str, measure: Measure) -> float:
        functions = {
            "wu_palmer": self._reader.wup_similarity,
            "leacock_chodorow": self._reader.lch_similarity,
            "path": self._reader.path_similarity,
        }
        try:
            return float(functions[measure](self.of(first), self.of(second)))
        except DAMAGE as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> InputError:
        return InputError(f"{self._folder}: not a readable WordNet ({reason(error)}); {MENDING}")


class _Reader(WordNetCorpusReader):
    """NLTK's reader, confined to one folder of ours and free of NLTK's global state."""

    def open(self, file: str) -> SeekableUnicodeStreamReader:
        # NLTK's own opens only private folders below its global data path: neither holds for results.
        return self._root.join(file).open(self._ENCODING)

    def map_wn(self, version: str = "wordnet") -> None:
        """No map to other versions: it is for other languages, and would look for NLTK's global WordNet."""


class _Folder(PathPointer):
    """The files of a folder, for NLTK."""

    def __init__(self, path: Path):
        self._path = path

    def open(self, encoding: str) -> SeekableUnicodeStreamReader:
        return SeekableUnicodeStreamReader(self._path.open("rb"), encoding)

    def join(self, fileid: str) -> "_Folder":
        return _Folder(self._path / fileid)

    def file_size(self) -> int:
        return self._path.stat().st_size
