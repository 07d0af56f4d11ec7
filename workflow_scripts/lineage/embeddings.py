"""What determines the models of a study and their embeddings."""

from typing import Any

from workflow_scripts.common.provenance import Stamp
from workflow_scripts.lineage.training import TrainingLineage

# What a network is built from; labels and families belong to figures.
NOT_IN_A_NETWORK = {"label", "family"}


class EmbeddingLineage(TrainingLineage):
    """Settings and stamps of models, pairs of images and embeddings."""

    def published(self, model: str) -> dict[str, Any]:
        """What names published weights."""
        return self.study.models[model].model_dump(mode="json", include={"timm", "torchvision", "pretrained"})

    def model_settings(self, model: str) -> dict[str, Any]:
        """What determines a network that is not trained here."""
        return self.study.models[model].model_dump(mode="json", exclude=NOT_IN_A_NETWORK)

    def downloaded(self, model: str) -> Stamp:
        """Stamp of published weights."""
        return self._stamp("models.download_weights", self.published(model))

    def built(self, model: str) -> Stamp:
        """Stamp of a network that is not trained here."""
        settings = [self.model_settings(model), self.study.preprocessing]
        upstream = [self.downloaded(model)] if self.study.models[model].pretrained else []
        return self._stamp("models.build_model", settings, upstream)

    def model(self, name: str) -> Stamp:
        """Stamp of any model of the study."""
        entry = self.study.models[name]
        return self.training(entry.training, entry.seed) if entry.training else self.built(name)

    def pairs(self) -> Stamp:
        """Stamp of the pairs of images for invariance."""
        return self._stamp("embeddings.draw_pairs", [self.study.invariance, self.study.seed], [self.index()])

    def sweep(self, model: str) -> Stamp:
        """Stamp of a model's embeddings under bank A."""
        upstream = [self.model(model), self.pairs(), self.shard(self.study.invariance.split)]
        return self._stamp("embeddings.sweep", [self.study.banks.a, self.study.seed], upstream)

    def class_pairs(self) -> Stamp:
        """Stamp of the pairs of images of one class."""
        search = self.study.similarity_search
        settings = [search.split, search.pairs_per_class, self.study.seed]
        return self._stamp("embeddings.draw_class_pairs", settings, [self.index()])

    def pair_sweep(self, model: str) -> Stamp:
        """Stamp of a model's similarities under bank B."""
        search = self.study.similarity_search
        upstream = [self.model(model), self.class_pairs(), self.shard(search.split)]
        settings = [self.study.banks.b, search.class_shards, self.study.seed]
        return self._stamp("embeddings.pair_sweep", settings, upstream)

    def bank_examples(self) -> Stamp:
        """Stamp of the images shown in Figure A2."""
        figure = self.study.figures.figure_a2
        banks = self.study.banks
        settings = [figure, banks.a, banks.b.operations, self.study.preprocessing]
        return self._stamp("embeddings.show_banks", settings, [self.shard(figure.split)] if figure else [])
