"""What determines the metrics of a study."""

from typing import Any

from workflow_scripts.common.provenance import Stamp
from workflow_scripts.lineage.embeddings import EmbeddingLineage


class MetricLineage(EmbeddingLineage):
    """Stamps of metrics."""

    def invariance(self, model: str) -> Stamp:
        """Stamp of a model's invariance."""
        return self._stamp("metrics.invariance", None, [self.sweep(model), self.pairs()])

    def equivariance(self, model: str) -> Stamp:
        """Stamp of a model's equivariance."""
        settings = [self.study.equivariance, self.study.seed]
        return self._stamp("metrics.equivariance", settings, [self.sweep(model)])

    def similarity_search(self, model: str) -> Stamp:
        """Stamp of a model's similarity search."""
        settings = self.study.banks.b
        return self._stamp("metrics.similarity_search", settings, [self.pair_sweep(model), self.class_pairs()])

    @property
    def wordnet_settings(self) -> dict[str, Any]:
        """The part of the block `wordnet` that decides numbers; bins belong to the figure."""
        return self.study.wordnet.model_dump(mode="json", exclude={"bins"})

    def wordnet_similarity(self, model: str) -> Stamp:
        """Stamp of the classes' similarities in WordNet and by transformations."""
        settings = [self.wordnet_settings, self.study.seed]
        return self._stamp("metrics.wordnet_similarity", settings, [self.similarity_search(model), self.wordnet()])

    def calibration(self, model: str) -> Stamp:
        """Stamp of the ranks of the planted factors."""
        return self._stamp("metrics.calibration", None, [self.similarity_search(model)])

    def class_ranking(self, method: str) -> dict[str, Any]:
        """The part of a method's `per_class` that decides which transformations a class has."""
        per_class = self.study.training.methods[method].per_class
        return per_class.model_dump(mode="json", exclude={"model", "probability"}) if per_class else {}

    def best_per_class(self, method: str) -> Stamp:
        """Stamp of the transformations of each class for the trainings of a method."""
        upstream = [self.similarity_search(self.study.ranking_model(method))]
        return self._stamp("metrics.best_per_class", self.class_ranking(method), upstream)

    def zoom_sweep(self, method: str, seed: int) -> Stamp:
        """Stamp of the evaluation of one training under zoom."""
        settings = [self.study.zoom_sweep.points, self.study.zoom_sweep.test_seeds]
        return self._stamp("metrics.zoom_sweep", settings, [self.training(method, seed), self.shard("val")])
