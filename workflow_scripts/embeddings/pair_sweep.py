"""Rule `pair_sweep`: similarity of the pairs of some classes under every step and sub-policy of bank B.

An embedding of a transformed image is used once, for one cosine. So the cosines are what is kept, and the
embeddings of the untransformed images: bank B over ImageNet would be 150 GB of embeddings per model, and is
120 MB of cosines.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor

from workflow_scripts.common.cli import run
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.common.progress import progress_bar
from workflow_scripts.common.provenance import code_digest, digest
from workflow_scripts.common.settings import Precision
from workflow_scripts.data.reader import ShardReader
from workflow_scripts.embeddings.cache import Store
from workflow_scripts.embeddings.forward import base_key, decode_crops, embed_batches, load_subject, on_its_way
from workflow_scripts.models.settings import DEFAULT_COMPUTE, Compute
from workflow_scripts.transformations.bank_b import Steps
from workflow_scripts.transformations.composition import apply_steps, draw_step_signs, evaluation, label
from workflow_scripts.transformations.custom import check_custom, custom_transformations
from workflow_scripts.transformations.entry import Entry
from workflow_scripts.transformations.operations import Transformation, under
from workflow_scripts.transformations.operations_b import BANK_B_TRANSFORMATIONS
from workflow_scripts.transformations.pool import singles, subpolicies
from workflow_scripts.transformations.settings import BankB

MODULE = "workflow_scripts.embeddings.pair_sweep"
# Each evaluation takes account of its own operations, so that another one in the bank changes no other.
DEFINITIONS = tuple(f"workflow_scripts.transformations.{name}" for name in ("bank_b", "custom", "operations_b", "pool"))


@dataclass(frozen=True)
class Evaluation:
    """Steps to compute, and the store's key of the similarities under them."""

    steps: Steps
    key: str


def pair_sweep(
    *,
    network: Path,
    shards: list[Path],
    pairs: Path,
    class_part: int,
    class_parts: int,
    bank: BankB,
    seed: int,
    output: Path,
    store: Path,
    code: dict[str, Path] | None = None,
    precision: Precision = "float32",
    compute: Compute = DEFAULT_COMPUTE,
) -> None:
    """Write cos(f(x1), f(t(x2))) for the pairs of every `class_parts`-th class and every t of `bank`.

    One row per pair and t: label, pair, transformation, similarity, and untransformed, the cosine without t
    (GIB section 4, equation 2). Each image is decoded once, each x1 embedded once, and steps that give equal
    images are evaluated once. What `store` holds is not computed, and each finished evaluation is stored at
    once, so a killed sweep continues where it was. `code` has the user's files of `bank.custom`, by what it calls them.
    The network rounds to `precision`.
    """
    mine = read_table(pairs, columns=["label", "pair", "x1", "x2"])
    mine = mine[mine["label"] % class_parts == class_part]
    reader = ShardReader(shards)
    rows = pd.Series(np.arange(len(reader)), index=reader.ids)
    first, second = (rows[mine[side]].to_numpy() for side in ("x1", "x2"))
    base = base_key(network, reader, np.concatenate([first, second]), precision, code_digest(MODULE, DEFINITIONS))
    names = {label(steps): steps for steps in (*((step,) for step in singles(bank)), *subpolicies(bank))}
    ours = under({name: BANK_B_TRANSFORMATIONS[name] for name in bank.operations}, bank.warps)
    transformations = ours | custom_transformations(bank.custom, code or {}, seed)
    keys = {name: _key(base, steps, seed, transformations) for name, steps in names.items()}
    held = Store(store)
    missing = [Evaluation(names[name], key) for key, name in _first_of_each(keys).items() if key not in held]
    logging.info("%d pairs, %d transformations, %d to compute", len(mine), len(names), len(missing))
    identity = _key(base, (), seed, transformations)
    if missing or identity not in held:
        search = _Search(network, reader, first, second, base, seed, held, precision, compute, transformations)
        search.check([one.steps for one in missing])
        for one in progress_bar([Evaluation((), identity), *missing], "transformations"):
            if one.key not in held:
                held.put(one.key, search.similarities(one.steps))
    write_table(output, _view(mine, {name: held.get(key) for name, key in keys.items()}, held.get(identity)))


def _key(base: str, steps: Steps, seed: int, bank: Mapping[str, Transformation] = BANK_B_TRANSFORMATIONS) -> str:
    """What determines similarities under `steps`: equal for steps that give equal images."""
    computed = evaluation(steps, _entries(bank))
    used = [bank[name] for name, _ in computed]
    code = [one.code for one in used]
    return digest([base, computed, code, seed if any(one.entry.signed for one in used) else None])


def _entries(bank: Mapping[str, Transformation]) -> dict[str, Entry]:
    return {name: transformation.entry for name, transformation in bank.items()}


def _first_of_each(keys: dict[str, str]) -> dict[str, str]:
    """The first name of every key."""
    return {key: name for name, key in reversed(keys.items())}


class _Search:
    """The crops of the pairs, the embeddings of each x1, and a network, to be asked for one t after the other."""

    def __init__(
        self,
        folder: Path,
        reader: ShardReader,
        first: np.ndarray,
        second: np.ndarray,
        base: str,
        seed: int,
        store: Store,
        precision: Precision,
        compute: Compute,
        bank: dict[str, Transformation],
    ) -> None:
        self.seed, self.batch, self.precision, self.bank = seed, compute.batch, precision, bank
        self.subject = load_subject(folder, compute)
        self.ids = reader.ids[second]
        self.crops = on_its_way(decode_crops(reader, second, self.subject.card, compute.workers), self.subject.device)
        key = digest([base, "x1"])
        if key not in store:
            store.put(key, self._embed(decode_crops(reader, first, self.subject.card, compute.workers), ()))
        self.x1 = store.get(key)

    def check(self, wanted: list[Steps]) -> None:
        """Raise `UserCodeError` where a transformation of the user's own, among those `wanted`, is not one."""
        names = {name for steps in wanted for name, _ in steps}
        check_custom({name: one for name, one in self.bank.items() if name in names}, self.crops, self.ids)

    def similarities(self, steps: Steps) -> np.ndarray:
        """cos(f(x1), f(t(x2))) of every pair, float64 [pairs]."""
        return cosine(self.x1, self._embed(self.crops, steps))

    def _embed(self, crops: Tensor, steps: Steps) -> np.ndarray:
        signs = draw_step_signs(self.seed, steps, self.ids, _entries(self.bank))

        def transform(images: Tensor, block: slice) -> Tensor:
            of_block = [None if one is None else one[block] for one in signs]
            return apply_steps(images, steps, of_block, self.bank, self.ids[block])

        return embed_batches(self.subject.embed, crops, transform, self.subject.device, self.batch, self.precision)


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """cos(a_i, b_i) of the rows of two arrays [n, D], float64; 0 where a row is zero."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.divide((a * b).sum(axis=1), norms, out=np.zeros(len(a)), where=norms > 0)


def _view(pairs: pd.DataFrame, similarities: dict[str, np.ndarray], untransformed: np.ndarray) -> pd.DataFrame:
    """One row per transformation and pair, in the order of the bank."""
    times = len(similarities)
    codes = np.repeat(np.arange(times), len(pairs))
    columns = {name: np.tile(pairs[name].to_numpy(), times) for name in ("label", "pair")}
    return pd.DataFrame(
        {
            **columns,
            "transformation": pd.Categorical.from_codes(codes, list(similarities)),  # type: ignore[call-overload]
            "similarity": np.concatenate(list(similarities.values())),
            "untransformed": np.tile(untransformed, times),
        }
    )


if __name__ == "__main__":
    run(pair_sweep)
