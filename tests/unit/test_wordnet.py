"""WordNet from each of its sources, on the real WordNet, and what its reader answers."""

import shutil
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import nltk.data
import numpy as np
import pytest

from workflow_scripts.common.errors import InputError
from workflow_scripts.common.seals import make_seal, put_seal
from workflow_scripts.data.synsets import Synsets
from workflow_scripts.data.wordnet import wordnet

# The classes of GIB Table A2.
HURT = """
n02979186 n03710721 n03877845 n02669723 n03773504 n07711569 n03197337 n01773549 n02504013 n03770439 n03933933
n04599235 n13133613 n01917289 n03127925 n03388183 n04264628
"""
DOG, CAT, FELINE, CRANE = "n02084071", "n02121620", "n02120997", "n03126707"
MODULES = (
    *("data.wordnet", "data.synsets", "results.tables.writing", "results.tables.table_a2", "results.tables.table_b"),
    *("common.statistics", "training.predictions"),
)


@pytest.fixture(scope="module")
def synsets(wordnet_folder) -> Synsets:
    return Synsets(wordnet_folder)


@pytest.fixture
def no_other_source(monkeypatch):
    """NLTK's data, NLTK's download and Debian's packages are out of reach."""
    monkeypatch.setattr(nltk.data, "path", [])
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("PATH", "")


def test_the_classes_of_the_paper_are_as_alike_as_it_says(synsets):
    wnids = HURT.split()
    matrix = np.array([[synsets.similarity(a, b, "wu_palmer") for b in wnids] for a in wnids])
    assert matrix[np.triu_indices(17, k=1)].mean() == pytest.approx(0.4492, abs=5e-5)
    assert matrix.mean() == pytest.approx(0.4816, abs=5e-5)
    assert (matrix == matrix.T).all()


def test_similarities_of_dog_and_cat_are_those_of_nltks_manual(synsets):
    assert synsets.similarity(DOG, CAT, "wu_palmer") == pytest.approx(6 / 7)
    assert synsets.similarity(DOG, CAT, "path") == pytest.approx(0.2)
    # Five nodes on the path, depth of the nouns 19, plus one.
    assert synsets.similarity(DOG, CAT, "leacock_chodorow") == pytest.approx(-np.log(5 / 38))


def test_similarity_falls_from_itself_to_a_relative_to_a_stranger(synsets):
    for measure in ("wu_palmer", "path", "leacock_chodorow"):
        values = [synsets.similarity(CAT, other, measure) for other in (CAT, FELINE, DOG, CRANE)]
        assert values == sorted(values, reverse=True)
        assert len(set(values)) == 4
    assert synsets.similarity(CAT, CAT, "path") == 1


def test_two_classes_of_one_name_are_two_synsets(synsets):
    bird, machine = synsets.of("n02012849"), synsets.of(CRANE)
    assert bird.lemma_names()[0] == machine.lemma_names()[0] == "crane"
    assert bird != machine


@pytest.mark.parametrize("wnid", ["n02084072", "n99999999", "v00001740", "n2084071", "dog", "", "n00000000"])
def test_what_is_no_noun_synset_is_refused(synsets, wnid):
    with pytest.raises(InputError, match=r"correct the class's wnid$"):
        synsets.of(wnid)


@pytest.mark.parametrize("layout", ["", "corpora/wordnet", "dict", "wordnet.zip"])
def test_the_configured_folder_may_have_any_layout(wordnet_folder, tmp_path, no_other_source, layout):
    place = tmp_path / "given" / layout
    if place.suffix == ".zip":
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.make_archive(str(place.with_suffix("")), "zip", wordnet_folder.parent, wordnet_folder.name)
    else:
        shutil.copytree(wordnet_folder, place)
        (place / "lexnames").unlink()  # as in Debian's packages
    wordnet(folder=tmp_path / "given", output=tmp_path / "out" / "wordnet")
    made = tmp_path / "out" / "wordnet"
    assert {file.name: file.read_bytes() for file in made.iterdir() if file.is_file()} == {
        file.name: file.read_bytes() for file in wordnet_folder.iterdir() if file.is_file()
    }
    assert sorted(file.name for file in made.parent.iterdir()) == [".seals", "wordnet"]


def test_nltks_own_data_is_found(wordnet_folder, tmp_path, no_other_source, monkeypatch):
    shutil.copytree(wordnet_folder, tmp_path / "nltk" / "corpora" / "wordnet")
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path / "empty"), str(tmp_path / "nltk")])
    wordnet(folder=tmp_path / "absent", output=tmp_path / "out")
    assert Synsets(tmp_path / "out").of(DOG).name() == "dog.n.01"


def test_lexicographers_files_have_their_numbers(wordnet_folder, synsets):
    lines = (wordnet_folder / "lexnames").read_text().splitlines()
    assert len(lines) == 45
    assert (lines[0], lines[3], lines[44]) == ("00\tadj.all\t3", "03\tnoun.Tops\t1", "44\tadj.ppl\t3")
    assert synsets.of(DOG).lexname() == "noun.animal"


def damage_version(folder: Path) -> str:
    for file in folder.glob("data.*"):
        file.write_bytes(file.read_bytes().replace(b"WordNet 3.0 Copyright", b"WordNet 3.1 Copyright"))
    return "WordNet 3.1, expected 3.0"


def damage_offsets(folder: Path) -> str:
    data = folder / "data.noun"
    data.write_bytes(data.read_bytes().replace(b" 9/11 0 9-11 0 ", b" 9-11 0 9/11 0 "))
    return "n15300051 is 9-11, not 9/11"


def damage_index(folder: Path) -> str:
    index = folder / "index.noun"
    index.write_bytes(index.read_bytes()[:-2000])
    return "not a readable WordNet"


def damage_data(folder: Path) -> str:
    data = folder / "data.noun"
    data.write_bytes(data.read_bytes()[:-2000])
    return "n15300051 is not a noun synset"


def damage_files(folder: Path) -> str:
    (folder / "index.sense").unlink()
    return "index.sense is missing"


@pytest.mark.parametrize("damage", [damage_version, damage_offsets, damage_index, damage_data, damage_files])
def test_what_is_not_whole_or_not_version_3_0_is_not_taken(wordnet_folder, tmp_path, no_other_source, damage):
    shutil.copytree(wordnet_folder, tmp_path / "given")
    reason = damage(tmp_path / "given")
    with pytest.raises(InputError) as error:
        wordnet(folder=tmp_path / "given", output=tmp_path / "out" / "wordnet")
    assert reason in str(error.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_without_any_source_the_error_lists_them_all_in_one_line(tmp_path, no_other_source):
    (tmp_path / "wordnet.zip").write_bytes(b"no archive")
    with pytest.raises(InputError) as error:
        wordnet(folder=tmp_path, output=tmp_path / "out" / "wordnet")
    message = str(error.value)
    assert "\n" not in message
    assert f"into {tmp_path}; tried: {tmp_path} (wordnet.zip cannot be unpacked" in message
    for source in ("NLTK's data (", "NLTK's download (", "Debian's packages (apt-get: "):
        assert source in message
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_that_the_group_can_write_to_is_read(wordnet_folder, tmp_path):
    shutil.copytree(wordnet_folder, tmp_path / "shared")
    for path in (tmp_path, tmp_path / "shared", *(tmp_path / "shared").iterdir()):
        path.chmod(0o777)
    assert Synsets(tmp_path / "shared").of(DOG).name() == "dog.n.01"


@pytest.mark.parametrize(
    ("name", "content"),
    [("lexnames", b"00\n"), ("data.noun", b""), ("data.adj", b""), ("index.verb", b"breathe v 9 9\n")],
)
def test_a_missing_or_damaged_file_is_reported_at_once(wordnet_folder, tmp_path, name, content):
    folder = tmp_path / "copy"
    shutil.copytree(wordnet_folder, folder)
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"^{folder / name}: it has {len(content)} bytes"):
        Synsets(folder)
    # What its own job wrote, and is no WordNet all the same.
    put_seal(folder / name, make_seal(folder / name))
    with pytest.raises(InputError, match=rf"^{folder}: .*(run 'snakemake verify|replace it)"):
        Synsets(folder)
    (folder / name).unlink()
    with pytest.raises(InputError, match=rf"^{folder}: .*No such file.*; run 'snakemake verify"):
        Synsets(folder)


def test_an_absent_folder_is_reported(tmp_path):
    with pytest.raises(InputError, match="not a readable WordNet"):
        Synsets(tmp_path / "absent")


def test_tables_and_wordnet_do_not_import_torch():
    names = ", ".join(f"workflow_scripts.{name}" for name in MODULES)
    code = f"import sys, {names}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_pairs_are_measured_fast_enough_for_thousands(synsets):
    pairs = list(combinations(HURT.split(), 2))
    first = [synsets.similarity(a, b, "path") for a, b in pairs]
    assert first == [synsets.similarity(b, a, "path") for a, b in pairs]
    # The other way round is the same entry of the cache.
    assert synsets._similarity.cache_info().hits >= len(pairs)
