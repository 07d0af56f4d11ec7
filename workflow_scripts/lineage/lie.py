"""What determines the Lie derivatives of a study."""

from typing import Any

from workflow_scripts.common.provenance import Stamp
from workflow_scripts.lie.settings import Head
from workflow_scripts.lineage.foreground import ForegroundLineage

# What the layers of a network take, which end-to-end errors do not; and what changes no result.
NOT_IN_AN_ERROR = {"models", "layerwise", "chunk"}


class LieLineage(ForegroundLineage):
    """Settings and stamps of Lie derivatives."""

    def head(self, model: str) -> Head:
        """Where the classifier of a model comes from: a training of this study, published weights, or none."""
        entry = self.study.models[model]
        if entry.training:
            return "study"
        if entry.pretrained:
            return "published"
        return "checkpoint" if entry.checkpoint else "untrained"

    @property
    def lie_settings(self) -> dict[str, Any]:
        """The part of the block `lie` that decides end-to-end errors."""
        return self.study.lie.model_dump(mode="json", exclude=NOT_IN_AN_ERROR)

    def equivariance_error(self, model: str) -> Stamp:
        """Stamp of a model's equivariance errors."""
        splits = {"val": self.shard("val"), self.study.lie.split: self.shard(self.study.lie.split)}
        upstream = [self.model(model), self.index(), *splits.values()]
        settings = [self.lie_settings, self.study.models[model].family, self.head(model), self.study.seed]
        return self._stamp("lie.equivariance_error", settings, upstream)

    @property
    def layerwise_settings(self) -> dict[str, Any]:
        """The part of the block `lie.layerwise` that decides contributions of layers."""
        return self.study.lie.layerwise.model_dump(mode="json", exclude={"chunk"})

    def layerwise(self, model: str) -> Stamp:
        """Stamp of the contributions of a model's layers."""
        upstream = [self.model(model), self.shard(self.study.lie.split)]
        return self._stamp("lie.layerwise", [self.layerwise_settings, self.study.seed], upstream)
