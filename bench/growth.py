"""How time and memory grow with images and models: 1, 4 and 16 times as many; and tables of ImageNet's size.

    PYTHONPATH=. python bench/growth.py [grow] [tables] [dry_run] [--most 16]

`grow` runs the rules' own functions from index to similarity search on made-up JPEGs, each in a process of its own.
`tables` writes tables as large as those of ImageNet (1.28 million images; 1,000 pairs of each of 1,000 classes under
all transformations of bank B) and has the rules read them. `dry_run` plans the study `demo` with more and more models.
Prints Markdown rows: seconds of the processor and the largest memory of each process, as the system counts them.
"""

import io
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.command import command

IMAGES, CLASSES, SIDE = 200, 4, 96
NARROW = {"channels": [8, 8, 16, 16]}
# ImageNet's.
TRAIN, VAL, ALL_CLASSES, PAIRS = 1_281_167, 50_000, 1000, 1000
FACTORS = (1, 4, 16)
PARTS = ["grow", "tables", "dry_run"]


class Taken(NamedTuple):
    """What a process took."""

    seconds: float
    """Of the processor."""
    megabytes: float
    """The most that it held at a time."""


def alone(task: Callable[[], object]) -> Taken:
    """What a task takes in a process of its own, that of its imports included; raises where it fails."""
    child = os.fork()
    if not child:
        status = 1
        try:
            task()
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit("a task has failed; its error stands above")
    return Taken(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def photographs(root: Path, images: int, classes: int) -> None:
    """So many JPEGs in `train` and `val`, half of them each."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(images):
        place = root / ("train", "val")[number % 2] / f"class{number // 2 % classes:04}"
        place.mkdir(parents=True, exist_ok=True)
        file = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(file, "JPEG", quality=90)
        (place / f"{number:06}.jpg").write_bytes(file.getvalue())


def steps(folder: Path, images: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """The rules' own functions, one after the other, on `images` images."""
    from workflow_scripts.data.index import index
    from workflow_scripts.data.settings import ImageFolder
    from workflow_scripts.data.shards import shards
    from workflow_scripts.embeddings.draw_class_pairs import draw_class_pairs
    from workflow_scripts.embeddings.draw_pairs import draw_pairs
    from workflow_scripts.metrics.invariance import invariance
    from workflow_scripts.metrics.similarity_search import similarity_search
    from workflow_scripts.transformations.settings import BankA, BankB

    dataset, table = ImageFolder(kind="imagefolder", root="."), folder / "index.parquet"
    bank_a = BankA(transformations=["translateX", "rotate"], magnitudes=[0, 3, 6, 9])
    bank_b, store = BankB(operations=["rotate", "invert"], subpolicies=False), folder / "store"
    rejected, root = folder / "rejected.parquet", folder / "images"
    yield "index", lambda: index(root=root, dataset=dataset, seed=0, index=table, rejected=rejected)
    shard = folder / "val.arrow"
    yield "shards", lambda: shards(storage=dataset, root=root, index=table, split="val", shard=0, output=shard)
    pairs, class_pairs = folder / "pairs.parquet", folder / "class_pairs.parquet"
    yield "draw_pairs", lambda: draw_pairs(index=table, split="val", count=images, seed=0, output=pairs)
    yield (
        "draw_class_pairs",
        lambda: draw_class_pairs(index=table, split="val", pairs_per_class=images, seed=0, output=class_pairs),
    )

    def sweep() -> None:
        from workflow_scripts.embeddings.sweep import sweep as run

        network, output = folder / "model", folder / "view"
        run(network=network, shard=shard, pairs=pairs, bank=bank_a, seed=0, output=output, store=store)

    def pair_sweep() -> None:
        from workflow_scripts.embeddings.pair_sweep import pair_sweep as run

        about: dict[str, Any] = {"class_part": 0, "class_parts": 1, "bank": bank_b, "seed": 0, "store": store}
        output = folder / "sweep.parquet"
        run(network=folder / "model", shards=[shard], pairs=class_pairs, output=output, **about)

    yield "sweep", sweep
    outputs = {name: folder / f"{name}.parquet" for name in ("per_pair", "percentiles", "summary")}
    yield "invariance", lambda: invariance(model="m", embeddings=[folder / "view"], pairs=pairs, **outputs)
    yield "pair_sweep", pair_sweep
    found = folder / "search.parquet"
    sweeps = [folder / "sweep.parquet"]
    yield (
        "similarity_search",
        lambda: similarity_search(model="m", sweeps=sweeps, pairs=class_pairs, bank=bank_b, output=found),
    )


def build(folder: Path) -> None:
    """A narrow network, which is the same for every number of images."""
    from workflow_scripts.data.settings import Preprocessing
    from workflow_scripts.models.build_model import build_model
    from workflow_scripts.models.settings import Model

    model = Model(timm="resnet18", args=NARROW, crop=64)
    build_model(model=model, preprocessing=Preprocessing(resize=73, crop=64), output=folder / "model")


def grow(most: int) -> None:
    """Print what each rule takes at each size."""
    print("| rule | images | CPU s | s per thousand images beyond the start | MB |\n|---|---|---|---|---|")
    first: dict[str, tuple[int, Taken]] = {}
    for factor in (one for one in FACTORS if one <= most):
        images = IMAGES * factor
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            photographs(folder / "images", images, CLASSES)
            alone(partial(build, folder))
            for name, task in steps(folder, images // 2):
                took = alone(task)
                start, least = first.setdefault(name, (images, took))
                slope = (took.seconds - least.seconds) / (images - start) * 1000 if images > start else float("nan")
                print(f"| {name} | {images} | {took.seconds:.2f} | {slope:.2f} | {took.megabytes:.0f} |", flush=True)


def table_of_images(path: Path) -> None:
    """An index as long as ImageNet's."""
    from workflow_scripts.common.files import write_table

    count = TRAIN + VAL
    label = np.arange(count) % ALL_CLASSES
    wnid = np.char.mod("n%08d", label)
    frame = pd.DataFrame(
        {
            "id": np.arange(count),
            "path": np.char.add(np.char.add(wnid, "/"), np.char.mod("%08d.JPEG", np.arange(count))),
            "class": wnid,
            "wnid": wnid,
            "name": wnid,
            "label": label,
            "split": np.where(np.arange(count) < TRAIN, "train", "val"),
            "width": 500,
            "height": 375,
            "bytes": 110_000,
            "sha256": np.char.mod("%064d", np.arange(count)),
        }
    )
    write_table(path, frame)


def table_of_a_sweep(path: Path, pairs: Path, names: list[str]) -> None:
    """Similarities of all pairs under all transformations, written a transformation at a time."""
    from workflow_scripts.common.files import atomic, read_table

    drawn, rng = read_table(pairs, columns=["label", "pair"]), np.random.default_rng(0)
    columns = {"label": pa.array(drawn["label"]), "pair": pa.array(drawn["pair"])}
    with atomic(path) as temporary:
        writer = None
        for code in range(len(names)):
            codes = pa.array(np.full(len(drawn), code, dtype=np.int8))
            values = pa.array(rng.uniform(0.1, 1, len(drawn)))
            named = pa.DictionaryArray.from_arrays(codes, names)
            table = pa.table({**columns, "transformation": named, "similarity": values, "untransformed": values})
            writer = writer or pq.ParquetWriter(temporary, table.schema, write_page_checksum=True)
            writer.write_table(table)
        if writer:
            writer.close()


def tables() -> None:
    """Print what the rules take that read the largest tables of ImageNet."""
    from workflow_scripts.embeddings.draw_class_pairs import draw_class_pairs
    from workflow_scripts.embeddings.draw_pairs import draw_pairs
    from workflow_scripts.metrics.similarity_search import describe, similarity_search
    from workflow_scripts.transformations.settings import BankB

    print("| what reads it | rows | file, MB | CPU s | MB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        table, pairs, sweep = (folder / f"{name}.parquet" for name in ("index", "class_pairs", "sweep"))
        alone(lambda: table_of_images(table))
        few = folder / "pairs.parquet"
        row("draw_pairs", table, lambda: draw_pairs(index=table, split="val", count=10_000, seed=0, output=few))
        drawing: dict[str, Any] = {
            "index": table,
            "split": "train",
            "pairs_per_class": PAIRS,
            "seed": 0,
            "output": pairs,
        }
        row("draw_class_pairs", table, lambda: draw_class_pairs(**drawing))
        names = list(describe(BankB())["transformation"])
        alone(lambda: table_of_a_sweep(sweep, pairs, names))
        about: dict[str, Any] = {"model": "m", "pairs": pairs, "bank": BankB(), "output": folder / "search.parquet"}
        row("similarity_search", sweep, lambda: similarity_search(sweeps=[sweep], **about))


def dry_runs(most: int) -> None:
    """Print what a dry run of the study `demo` takes with copies of all of its models."""
    import yaml

    from workflow_scripts.common.provenance import ROOT

    print("| models | jobs | CPU s | MB |\n|---|---|---|---|")
    command = [str(Path(sys.executable).with_name("snakemake")), "--dry-run", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--configfile", str(ROOT / "config.yaml")]
    with tempfile.TemporaryDirectory() as temporary:
        for factor in (one for one in FACTORS if one <= most):
            study = yaml.safe_load((ROOT / "studies" / "demo.yaml").read_text())
            copies = {
                f"{name}_{number}": model for number in range(1, factor) for name, model in study["models"].items()
            }
            for name, model in copies.items():
                study["models"][name] = {**model, "label": f"{model['label']} {name}"}
            # Copies of a model stand at the same place of the answer.
            study["figures"]["figure_answer"] = study["tables"]["table_answer"] = None
            file = Path(temporary) / f"models_{factor}.yaml"
            file.write_text(yaml.safe_dump(study, sort_keys=False))
            said, planning = Path(temporary) / "said", [*command, "--directory", temporary, "--config", f"study={file}"]
            with said.open("w") as written:
                took = alone(partial(subprocess.run, planning, stdout=written, stderr=subprocess.STDOUT, check=True))
            jobs = re.findall(r"^total +(\d+)", said.read_text(), flags=re.M)[0]
            print(f"| {len(study['models'])} | {jobs} | {took.seconds:.1f} | {took.megabytes:.0f} |", flush=True)


def row(name: str, table: Path, task: Callable[[], object]) -> None:
    """Print what a rule takes to read a table."""
    took, size = alone(task), table.stat().st_size / 1e6
    rows = pq.ParquetFile(table).metadata.num_rows
    print(f"| {name} | {rows:,} | {size:,.0f} | {took.seconds:.0f} | {took.megabytes:,.0f} |", flush=True)


def main() -> None:
    """Run what the command line names; all of it where it names nothing."""
    parser = command(__doc__)
    parser.add_argument("what", nargs="*", default=PARTS)
    parser.add_argument("--most", type=int, default=16)
    given = parser.parse_args()
    if unknown := set(given.what) - set(PARTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    started = time.monotonic()
    if "grow" in given.what:
        grow(given.most)
    if "tables" in given.what:
        tables()
    if "dry_run" in given.what:
        dry_runs(given.most)
    print(f"\n{Path(__file__).name}: {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
