"""What determines the data of a study."""

from collections.abc import Iterable
from typing import Any

from workflow_scripts.common.provenance import Stamp, make_stamp
from workflow_scripts.data.settings import Planted, Split
from workflow_scripts.lineage.paths import Paths

# Keys of a dataset that decide how its images are stored, not which they are.
STORAGE = {"shards", "store_size", "store_quality"}
# Keys of a planted dataset that decide its images.
GENERATOR = {"kind", "version", "image_size", "train_per_class", "val_per_class"}


class DataLineage(Paths):
    """Settings and stamps of images, index, shards and WordNet."""

    def _stamp(
        self,
        module: str,
        settings: Any,
        upstream: Iterable[Stamp] = (),
        seed: int | None = None,
        without: tuple[str, ...] = (),
    ) -> Stamp:
        seed = self.study.seed if seed is None else seed
        return make_stamp(self.name, seed, f"workflow_scripts.{module}", settings, upstream, without)

    @property
    def generator(self) -> dict[str, Any]:
        """The part of a planted dataset that decides its images."""
        return self.study.dataset.model_dump(mode="json", include=GENERATOR)

    @property
    def index_settings(self) -> dict[str, Any]:
        """The part of the dataset that decides which images are used."""
        return self.study.dataset.model_dump(mode="json", exclude=STORAGE)

    @property
    def storage(self) -> dict[str, Any]:
        """The part of the dataset that decides how images are stored."""
        return self.study.dataset.model_dump(mode="json", include=STORAGE)

    def planted(self) -> Stamp:
        """Stamp of the generated images."""
        return self._stamp("data.planted", [self.generator, self.study.seed])

    def index(self) -> Stamp:
        """Stamp of the image index."""
        upstream = [self.planted()] if isinstance(self.study.dataset, Planted) else []
        return self._stamp("data.index", [self.index_settings, self.study.seed], upstream)

    def shard(self, split: Split) -> Stamp:
        """Stamp of the shards of a split."""
        return self._stamp("data.shards", [self.storage, split], [self.index()])

    def wordnet(self) -> Stamp:
        """Stamp of WordNet 3.0: wherever it comes from, it is the same."""
        return self._stamp("data.wordnet", None)
