"""Every claim on made-up facts in which it is true, false, and neither; what is missing; Holm over the others."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.common.crossed import Estimate, estimate
from workflow_scripts.common.files import write_table
from workflow_scripts.common.permutations import holm
from workflow_scripts.embeddings.draw_pairs import distinct_pairs
from workflow_scripts.metrics.answer import EVERY, Measured
from workflow_scripts.metrics.claims import CLAIMS, POINT, SMALL, verdicts
from workflow_scripts.metrics.contrasts import Level
from workflow_scripts.metrics.evidence import Facts
from workflow_scripts.results.page.verdicts import verdicts as shown_verdicts
from workflow_scripts.results.tables.table_claims import _equivariances, _layers, table_claims

SEEDS, IMAGES, PAIRS = [0, 1, 2], 60, 120
FAMILIES = {
    **dict.fromkeys(("translateX", "translateY", "rotate", "shearX", "shearY"), "geometric"),
    "solarize": "appearance",
}
FIRST, SECOND = distinct_pairs(np.arange(IMAGES), PAIRS, np.random.default_rng(0))


def top1(**means: float) -> Facts:
    """Methods with these top-1, in percent, of three seeds."""
    rng = np.random.default_rng(1)
    of_image = rng.normal(0, 5, IMAGES)
    found: dict[str, Estimate] = {}
    for method, mean in means.items():
        noise = rng.normal(0, 0.3, (3, IMAGES)) + 0.05 * np.array([[-1.0], [1], [0]]) * (1 + len(found) % 2)
        found[method] = estimate(mean + of_image + noise - noise.mean(), np.arange(IMAGES), None, of_training())
    return Facts(top1=found)


def of_training():
    return [("training", seed) for seed in SEEDS]


def models(kinds: dict[str, str] | None = None, **levels: float) -> Facts:
    """Models by `ladder_key` with these invariances to everything, of three seeds."""
    rng = np.random.default_rng(2)
    of_image = rng.normal(0, 0.1, IMAGES)
    found: dict[Level, Measured] = {}
    for name, mean in levels.items():
        ladder, _, key = name.partition("_")
        noise = rng.normal(0, 0.02, (3, PAIRS)) + 0.003 * np.array([[-1.0], [1], [0]]) * (1 + len(found) % 2)
        values = mean + of_image[FIRST] + of_image[SECOND] - (of_image[FIRST] + of_image[SECOND]).mean() + noise
        cells = {(one, 5): values for one in FAMILIES}
        own = Measured(SEEDS, {EVERY: np.stack([FIRST, SECOND], 1)}, FAMILIES, cells, dict.fromkeys(cells, 0.5))
        found[ladder, key] = own
    return Facts(levels=found, pairs={EVERY: np.stack([FIRST, SECOND])}, magnitudes=[5], kinds=kinds or {})


def search(own: float, share: float = 0.5) -> Facts:
    """A search in which the best of a class is better by `own` on other pairs; a share of classes likes appearance."""
    rng, rows = np.random.default_rng(3), []
    for label in range(40):
        appearance = label < 40 * share
        favourite = ("solarize 1" if label % 2 else "color 1") if appearance else "rotate 1"
        for name, family in {"solarize 1": "appearance", "color 1": "appearance", "rotate 1": "geometric"}.items():
            likes = name == favourite
            for half, change in (
                ("choose", 10.0 * likes + 20.0 * (name == "color 1" and likes)),
                ("measure", own * likes + rng.normal(0, 1)),
                ("both", 10.0 * likes),
            ):
                described = {"label": label, "transformation": name, "family": family, "distinct": True}
                rows.append({**described, "half": half, "policy": "single", "mean_change": change})
    return Facts(search=pd.DataFrame(rows))


def errors(sign: float) -> Facts:
    rng = np.random.default_rng(4)
    accuracy = np.linspace(0.2, 0.9, 12)
    noise = rng.permutation(12) if sign == 0 else np.zeros(12)
    return Facts(errors=pd.DataFrame({"top1": accuracy, "error": -sign * accuracy + noise}))


def untrained(up: float) -> Facts:
    return models(a_untrained=0.3, a_plain=0.3 + up / 2, a_augmented=0.3 + up)


def both_kinds(vit: float) -> Facts:
    return models({"v": "vit", "r": "resnet"}, v_augmented=0.5 + vit, r_augmented=0.5)


def of_classes(loss: float) -> Facts:
    """Eight classes of which crops help seven, and cost the last `loss` points."""
    rng = np.random.default_rng(6)
    found: dict[str, list[Estimate]] = {"fscc": [], "rrc": []}
    for number in range(8):
        of_image = rng.normal(0, 5, IMAGES)
        for method, mean in (("fscc", 60.0), ("rrc", 60 - loss if number == 7 else 65.0)):
            noise = rng.normal(0, 0.3, (3, IMAGES)) + 0.05 * np.array([[-1.0], [1], [0]]) * (1 + (method == "rrc"))
            found[method].append(
                estimate(mean + of_image + noise - noise.mean(), np.arange(IMAGES), None, of_training())
            )
    return Facts(classes=found)


def of_networks(resnet: float) -> Facts:
    spread = np.array([-0.02, 0.01, 0.01])
    rows = [(kind, 0.3 + more + one) for kind, more in (("resnet", resnet), ("vit", 0.0)) for one in spread]
    return Facts(equivariances=pd.DataFrame(rows, columns=["kind", "equivariance"]))


def of_planting(effect: float, p: float) -> Facts:
    row = {"asked": "own class", "factor": "all", "effect": effect, "effect_low": effect - 0.1, "p": p}
    row |= {"effect_high": effect + 0.1, "data_sets": 4, "class_count": 16}
    return Facts(intervention=pd.DataFrame([row, {**row, "factor": "zoom", "p": 0.5}]))


def of_wordnet(rho: float, p: float) -> Facts:
    row = {"ranking": "mean_change", "wordnet_measure": "wu_palmer", "agreement_measure": "spearman", "rho": rho}
    row |= {"rho_chance_sd": 0.1, "p": p, "wnid_a": "n1", "wnid_b": "n2"}
    return Facts(wordnet=pd.DataFrame([row, {**row, "wordnet_measure": "path", "rho": 0.0}]))


def of_layers(share: float) -> Facts:
    rows = []
    for number, off in enumerate((-0.03, 0.01, 0.02)):
        shares = {"non-linearity": share - 0.1 + off, "downsampling": 0.1, "rest": 0.9 - share - off}
        rows += [{"model": f"m{number}", "kind": kind, "share": value} for kind, value in shares.items()]
    return Facts(layers=pd.DataFrame(rows))


# Facts in which each claim is true, false, and undecided.
MADE = {
    "rrc best": [top1(rrc=70 + d, fscc=70, rscc=69.9) for d in (3, -3, 0)],
    "rscc like fsrc": [top1(rscc=70 + d, fsrc=70) for d in (0, 4, POINT)],
    "t30 recovers": [top1(t30=65 + d, fscc=60, rrc=70) for d in (3, -3, 0)],
    "beta trade-off": [top1(rrc=70 + d, **{"rrc_beta0.1": 70, "rrc_beta10": 69.9}) for d in (3, -3, 0)],
    "crops hurt some": [of_classes(d) for d in (10, -5, 0)],
    "learned translation": [untrained(d) for d in (0.2, -0.2, 0)],
    "learned appearance": [untrained(d) for d in (0.2, -0.2, 0)],
    "no learned rotation and shear": [untrained(d) for d in (-0.1, 0.3, SMALL)],
    "augmentation adds little": [models(a_untrained=0.2, a_plain=0.4, a_augmented=0.5 - d) for d in (0.1, -0.1, 0)],
    "vit like resnet": [both_kinds(d) for d in (0.1, -0.3, -SMALL)],
    "untrained equivariance": [of_networks(d) for d in (0.2, -0.2, 0.0)],
    "what varies is learned": [of_planting(*d) for d in ((0.2, 0.001), (-0.2, 0.001), (0.05, 0.3))],
    "best per class": [search(d) for d in (6, -6, 0)],
    "appearance first": [search(5, share) for share in (0.95, 0.05, 0.5)],
    "similar classes alike": [of_wordnet(*d) for d in ((0.5, 0.001), (-0.5, 1.0), (0.05, 0.3))],
    "accurate is equivariant": [errors(d) for d in (1, -1, 0)],
    "layers to blame": [of_layers(d) for d in (0.8, 0.2, 0.5)],
}


def test_every_claim_is_tried():
    assert list(MADE) == [claim.name for claim in CLAIMS]


@pytest.mark.parametrize("claim", MADE)
def test_a_claim_is_supported_where_it_is_true_and_not_where_it_is_false(claim):
    found = [verdicts(facts).set_index("claim").loc[claim] for facts in MADE[claim]]
    assert [row["verdict"] for row in found] == ["supported", "not supported", "undecided"]
    for row, side in zip(found, (1, -1), strict=False):
        assert side * (row["effect"] - row["bound"]) > 0
        assert row["low"] <= row["effect"] <= row["high"]
        assert row["n"]


def test_what_cannot_be_tested_says_what_is_missing_and_takes_no_part_in_holm():
    table = verdicts(Facts())
    assert set(table["verdict"]) == {"cannot be tested here"}
    assert (table["missing"] != "").all()
    table = verdicts(MADE["rscc like fsrc"][0]).set_index("claim")
    tested = table[table["missing"] == ""]
    assert list(tested.index) == ["rscc like fsrc"]
    assert tested["p_holm"].tolist() == tested["p"].tolist()
    assert table.loc["rrc best", "missing"] == "trainings by rrc and by two other augmentations"
    assert str(table.loc["beta trade-off", "missing"]).startswith("trainings by rrc, rrc_beta0.1")
    several = verdicts(MADE["learned translation"][0])
    assert several["p_holm"].dropna().tolist() == pytest.approx(holm(several["p"].dropna()).tolist())


def test_equivariances_and_layers_are_read_as_the_claims_have_them(tmp_path):
    table = pd.DataFrame(
        {"transformation": ["translateX", "translateY", "rotate", "translateX"], "magnitude": [5, 5, 5, 8]}
    )
    write_table(tmp_path / "equivariance.parquet", table.assign(mean=[0.2, 0.4, 0.9, 0.8]))
    found = _equivariances({"plain": [tmp_path / "equivariance.parquet"]}, {"plain": "vit"}, [5])
    assert found is not None
    assert found.to_dict("records") == [{"kind": "vit", "equivariance": pytest.approx(0.3)}]
    table = pd.DataFrame({"transformation": ["translation_x", "translation_x", "rotation"], "share": [0.4, 0.6, 0.1]})
    write_table(
        tmp_path / "kinds.parquet", table.assign(model="a", kind="pooling", side=["authors", "central", "authors"])
    )
    layers = _layers([tmp_path / "kinds.parquet"])
    assert layers is not None
    assert layers["share"].tolist() == [0.4]


def test_one_seed_cannot_decide():
    one = estimate(np.full((1, IMAGES), 50.0), np.arange(IMAGES), None, [("training", 0)])
    facts = Facts(top1=dict.fromkeys(("rrc", "fscc", "t30"), one))
    assert "second seed" in str(verdicts(facts).set_index("claim").loc["t30 recovers", "missing"])


def test_the_table_is_made_from_files(tmp_path):
    rng = np.random.default_rng(5)
    runs: dict[str, list[Path]] = {}
    for method, share in {"fscc": 0.5, "t30": 0.8, "rrc": 0.8}.items():
        for seed in (0, 1, 2):
            folder = tmp_path / f"{method}-{seed}"
            right = rng.random(400) < share
            answers = {"id": np.arange(400), "label": 1, "prediction": right.astype(int), "margin": 0.0}
            write_table(folder / "predictions.parquet", pd.DataFrame(answers))
            write_table(folder / "history.parquet", pd.DataFrame({"epoch": [1], "train_loss": [0.5]}))
            runs.setdefault(method, []).append(folder)
    empty: dict[str, Any] = {
        "tables": {},
        "searches": [],
        "abouts": [],
        "summaries": [],
        "equivariances": {},
        "untrained": {},
        "intervention": [],
        "wordnet": [],
        "layers": [],
        "seeds": {},
        "ladders": {},
        "kinds": {},
    }
    table_claims(**empty, runs=runs, training_seeds=[0, 1, 2], magnitudes=[5], output=tmp_path / "table_claims")
    rows = pd.read_csv(tmp_path / "table_claims.csv").set_index("claim")
    assert rows.loc["t30 recovers", "verdict"] == "supported"
    assert rows.loc["t30 recovers", "effect"] == pytest.approx(15, abs=4)
    assert rows.loc["vit like resnet", "verdict"] == "cannot be tested here"
    assert "cannot be tested here" in (tmp_path / "table_claims.md").read_text()
    # The page shows what can be tested, with the table's numbers.
    shown = shown_verdicts({"table_claims": tmp_path / "table_claims"})
    assert len(shown) == (rows["verdict"] != "cannot be tested here").sum()
    (one,) = [each for each in shown if "translation alone recovers" in each.text]
    assert one.verdict == "supported"
    low, high = (float(rows[end]["t30 recovers"]) for end in ("low", "high"))
    assert f"[{low:.2f}, {high:.2f}]" in one.evidence
    assert shown_verdicts({}) == []
