"""How it was done, as a paragraph for a paper, with its sources."""

from collections.abc import Callable
from dataclasses import dataclass

from workflow_scripts.results.page.behind import Behind
from workflow_scripts.results.page.wording import count, listed, some
from workflow_scripts.transformations.warps import Warps

SOURCES = {
    "GIB": (
        "D. Bouchacourt, M. Ibrahim, A. S. Morcos. Grounding inductive biases in natural images: invariance stems from "
        "variations in data. NeurIPS 2021."
    ),
    "LEE": (
        "N. Gruver, M. Finzi, M. Goldblum, A. G. Wilson. The Lie derivative for measuring learned equivariance. "
        "ICLR 2023."
    ),
    "AutoAugment": (
        "E. D. Cubuk, B. Zoph, D. Mané, V. Vasudevan, Q. V. Le. AutoAugment: learning augmentation strategies from "
        "data. CVPR 2019."
    ),
    "Augerino": (
        "G. Benton, M. Finzi, P. Izmailov, A. G. Wilson. Learning invariances in neural networks from training data. "
        "NeurIPS 2020."
    ),
    "WordNet": "G. A. Miller. WordNet: a lexical database for English. Communications of the ACM 38 (11), 1995.",
    "U2-Net": (
        "X. Qin, Z. Zhang, C. Huang, M. Dehghan, O. R. Zaiane, M. Jagersand. U2-Net: going deeper with nested "
        "U-structure for salient object detection. Pattern Recognition 106, 2020."
    ),
    "ImageNet-X": (
        "B. Y. Idrissi, D. Bouchacourt, R. Balestriero, I. Evtimov, C. Hazirbas, N. Ballas, P. Vincent, M. Drozdzal, "
        "D. Lopez-Paz, M. Ibrahim. ImageNet-X: understanding model mistakes with factor of variation annotations. "
        "ICLR 2023."
    ),
    "timm": "R. Wightman. PyTorch image models. 2019.",
    "Snakemake": "F. Mölder et al. Sustainable data analysis with Snakemake. F1000Research 10:33, 2021.",
}
SPLITS = {"train": "training", "val": "validation"}


@dataclass(frozen=True)
class Methods:
    """A paragraph whose sources are numbers in brackets, and these sources in order."""

    paragraph: str
    sources: list[str]


def methods(behind: Behind, shown: set[str]) -> Methods:
    """What was done in a study that shows the figures and tables `shown`."""
    cited: list[str] = []

    def cite(name: str) -> str:
        if name not in cited:
            cited.append(name)
        return f"[{cited.index(name) + 1}]"

    parts = [
        write(behind, shown, cite)
        for write in (_data, _training, _invariance, _search, _wordnet, _people, _lie, _others)
    ]
    text = " ".join(part for part in parts if part)
    return Methods(text, [SOURCES[name] for name in cited])


Cite = Callable[[str], str]


def _data(behind: Behind, _shown: set[str], cite: Cite) -> str:
    study = behind.study
    resize, crop = study.preprocessing.resize, study.preprocessing.crop
    return (
        f"We follow Bouchacourt et al. {cite('GIB')}. Images are resized to a shorter side of {resize} pixels, and "
        f"their central {crop} pixels are what models see in evaluation, unless a model asks for another size."
    )


def _training(behind: Behind, _shown: set[str], cite: Cite) -> str:
    study = behind.study
    cells = list(study.training.cells)
    if not cells:
        return ""
    recipe = study.training.recipe_of(cells[0])
    names = sorted({study.training.timm_name(name) for name in cells})
    return (
        f"Networks ({listed(names)}, as in timm {cite('timm')}) are trained with the augmentations {some(cells, 8)} "
        f"for {recipe.epochs} epochs in batches of {recipe.batch_size} with {recipe.optimizer} (learning rate "
        f"{recipe.learning_rate:g}, weight decay {recipe.weight_decay:g}"
        f"{', unless a grid chose them' if study.training.owners else ''}; seeds "
        f"{listed([str(seed) for seed in study.training.seeds])})."
    )


def _invariance(behind: Behind, shown: set[str], cite: Cite) -> str:
    study = behind.study
    if not behind.invariances and not {"figure_2", "figure_a3", "figure_a10"} & shown:
        return ""
    images = SPLITS[study.invariance.split]
    return (
        "Embeddings f are what the classifier sees. Invariance to a transformation t is (b − d) / b, with d the cosine "
        "distance of f(x) and f(t(x)), and b that of f(x) and f(t(x')), over "
        f"{count(study.invariance.pairs, 'pair')} of distinct {images} images x and x' {cite('GIB')}; we report the "
        "median over pairs with a 95 % interval that takes account of images shared by pairs. Transformations that "
        f"move pixels {_border(study.banks.a)}."
    )


def _border(warps: Warps) -> str:
    """What comes in from outside of an image."""
    if warps.border == "reflect":
        return "mirror the image at its border"
    if warps.border == "edge":
        return "repeat the outermost pixels"
    return "fill with black" if not warps.fill else f"fill with the grey level {warps.fill}"


def _search(behind: Behind, _shown: set[str], cite: Cite) -> str:
    search = behind.study.similarity_search
    if not search.models:
        return ""
    bank = behind.study.banks.b
    return (
        f"For up to {search.pairs_per_class} disjoint pairs of {SPLITS[search.split]} images of each class, we compare "
        "the cosine similarity of their embeddings before and after one of them is transformed, by "
        f"{count(len(bank.entries), 'operation')} at AutoAugment's magnitudes {cite('AutoAugment')}"
        f"{' and by pairs of them' if bank.subpolicies else ''}; transformations are ranked by the mean change, and by "
        "the mean increase over pairs that it brings closer times their share (weighted boost). Those that move pixels "
        f"{_border(bank)}."
    )


def _wordnet(_behind: Behind, shown: set[str], cite: Cite) -> str:
    if not {"figure_4", "table_a2"} & shown:
        return ""
    return f"Similarities of classes are those of WordNet 3.0 {cite('WordNet')}."


def _people(_behind: Behind, shown: set[str], cite: Cite) -> str:
    if not {"figure_people", "table_people"} & shown:
        return ""
    return (
        f"What people see in the images is that of ImageNet-X {cite('ImageNet-X')}. Over classes, the share of images "
        "that show a factor is compared with the search's scores by Spearman's correlation, and p is that of exchanges "
        "of classes; by image, p is van Elteren's."
    )


def _lie(_behind: Behind, shown: set[str], cite: Cite) -> str:
    if not {"figure_l1", "figure_l2", "figure_l3", "table_lee"} & shown:
        return ""
    return (
        f"Local equivariance errors are Lie derivatives of the class probabilities {cite('LEE')}, with 95 % bootstrap "
        "intervals over images."
    )


def _others(behind: Behind, shown: set[str], cite: Cite) -> str:
    parts = []
    if behind.study.augerino:
        parts.append(f"Augerino {cite('Augerino')} learns bounds of affine transformations together with the weights.")
    if {"figure_a6", "table_foregrounds"} & shown and behind.study.foreground.method == "u2net":
        parts.append(f"Foregrounds are found by U2-Net {cite('U2-Net')}.")
    parts.append(f"Every number was computed by the workflow whence, which runs in Snakemake {cite('Snakemake')}.")
    return " ".join(parts)
