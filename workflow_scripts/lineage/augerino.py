"""What determines the evaluations of trainings with Augerino."""

from collections.abc import Iterable

from workflow_scripts.common.provenance import Stamp
from workflow_scripts.lineage.training import TrainingLineage


class AugerinoLineage(TrainingLineage):
    """Stamps of evaluations with Augerino."""

    def evaluation(self, method: str, seed: int) -> Stamp:
        """Stamp of the evaluation of one training with Augerino on and off."""
        test_seeds = self.study.augerino.test_seeds if self.study.augerino else 0
        upstream = [self.training(method, seed), self.shard("val")]
        return self._stamp("augerino.evaluate_augerino", test_seeds, upstream, seed)

    def evaluations(self, methods: Iterable[str]) -> list[Stamp]:
        """Stamps of the evaluations of several methods."""
        return [self.evaluation(method, seed) for method in methods for seed in self.study.seeds_of(method)]
