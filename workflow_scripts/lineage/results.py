"""What determines the figures and tables of a study."""

from collections.abc import Iterable

from workflow_scripts.common.provenance import Stamp, digest
from workflow_scripts.figures.settings import InvarianceFigure
from workflow_scripts.lineage.foreground import ForegroundLineage


class ResultLineage(ForegroundLineage):
    """Settings and stamps of figures and tables; the stamp of a target is the method of its name."""

    def figure(self, name: str) -> InvarianceFigure:
        """Settings of an invariance figure, with its models and transformations filled in."""
        settings = getattr(self.study.figures, name)
        return settings.model_copy(
            update={
                "models": settings.models or list(self.study.models),
                "transformations": settings.transformations or self.study.banks.a.transformations,
            }
        )

    def labels(self, models: Iterable[str]) -> dict[str, str]:
        """Names of models in legends."""
        return {name: self.study.models[name].label or name for name in models}

    @property
    def zoom_labels(self) -> dict[str, str]:
        """Names of the methods of Figure A7."""
        given = self.study.figures.figure_a7.labels if self.study.figures.figure_a7 else {}
        return {name: given.get(name, name) for name in self.study.zoom_sweep.methods}

    def figure_2(self) -> Stamp:
        """Stamp of Figure 2."""
        return self._invariance_figure("figure_2")

    def figure_a3(self) -> Stamp:
        """Stamp of Figure A3."""
        return self._invariance_figure("figure_a3")

    def table_1a(self) -> Stamp:
        """Stamp of Table 1a."""
        return self._method_table("table_1a")

    def table_1b(self) -> Stamp:
        """Stamp of Table 1b."""
        return self._method_table("table_1b")

    def _invariance_figure(self, name: str) -> Stamp:
        """Stamp of a figure of invariances."""
        figure = self.figure(name)
        models = figure.models or []
        return self._stamp(f"figures.{name}", [figure, self.labels(models)], [self.invariance(one) for one in models])

    def figure_a2(self) -> Stamp:
        """Stamp of Figure A2."""
        return self._stamp("figures.figure_a2", None, [self.bank_examples()])

    def figure_a1(self) -> Stamp:
        """Stamp of Figure A1."""
        return self._stamp("figures.figure_a1", self.study.figures.figure_a1)

    def figure_a6(self) -> Stamp:
        """Stamp of Figure A6."""
        settings = [self.study.figures.figure_a6, self.foreground_origin]
        return self._stamp("figures.figure_a6", settings, [self.foreground(), self.index()])

    def figure_a7(self) -> Stamp:
        """Stamp of Figure A7."""
        seeds, methods = self.study.training.seeds, self.study.zoom_sweep.methods
        upstream = [self.zoom_sweep(method, seed) for method in methods for seed in seeds]
        return self._stamp("figures.figure_a7", self.zoom_labels, upstream)

    def _method_table(self, name: str) -> Stamp:
        """Stamp of Table 1a or 1b."""
        methods = self.table_methods(name)
        return self._stamp(f"tables.{name}", methods, self.trainings(methods))

    def table_a1(self) -> Stamp:
        """Stamp of Table A1."""
        return self._stamp("tables.table_a1", [self.study.tables.table_a1, self.study.seed])

    def table_a2(self) -> Stamp:
        """Stamp of Table A2."""
        table = self.study.tables.table_a2
        trainings = self.trainings([table.method, table.baseline] if table else [])
        return self._stamp("tables.table_a2", table, [*trainings, self.index(), self.wordnet()])

    def table_b(self) -> Stamp:
        """Stamp of the table of appendix B."""
        table = self.study.tables.table_b
        return self._stamp("tables.table_b", table, self.trainings([table.baseline, *table.methods] if table else []))

    def table_foregrounds(self) -> Stamp:
        """Stamp of the table of foregrounds."""
        settings = [self.study.tables.table_foregrounds, self.foreground_origin]
        return self._stamp("tables.table_foregrounds", settings, [self.foreground(), self.index()])

    def report_key(self) -> str:
        """Changes when a figure or a table does."""
        return digest([getattr(self, name)().key for name in [*self.figures, *self.tables]])
