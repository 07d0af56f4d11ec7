"""What determines the figures and tables of a study."""

from collections.abc import Callable, Iterable

from workflow_scripts.common.provenance import Stamp, digest
from workflow_scripts.figures.settings import BoundsFigure, MagnitudeFigure
from workflow_scripts.lineage.augerino import AugerinoLineage
from workflow_scripts.lineage.lie import LieLineage
from workflow_scripts.tables.settings import LambdaTable


class ResultLineage(LieLineage, AugerinoLineage):
    """Settings and stamps of figures and tables; the stamp of a target is the method of its name."""

    def figure(self, name: str) -> MagnitudeFigure:
        """Settings of a figure of magnitudes, with its models and transformations filled in."""
        settings, measured = getattr(self.study.figures, name), self.study.banks.a.transformations
        # Of a figure's own defaults the study may not measure all.
        wanted = [one for one in settings.transformations or measured if one in measured] or measured
        return settings.model_copy(
            update={"models": settings.models or list(self.study.models), "transformations": wanted}
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
        return self._magnitude_figure("figure_2", self.invariance)

    def figure_a3(self) -> Stamp:
        """Stamp of Figure A3."""
        return self._magnitude_figure("figure_a3", self.invariance)

    def figure_a10(self) -> Stamp:
        """Stamp of Figure A10."""
        return self._magnitude_figure("figure_a10", self.equivariance)

    def table_1a(self) -> Stamp:
        """Stamp of Table 1a."""
        return self._method_table("table_1a")

    def table_1b(self) -> Stamp:
        """Stamp of Table 1b."""
        return self._method_table("table_1b")

    def _magnitude_figure(self, name: str, metric: Callable[[str], Stamp]) -> Stamp:
        figure = self.figure(name)
        models = figure.models or []
        return self._stamp(f"figures.{name}", [figure, self.labels(models)], [metric(one) for one in models])

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

    def figure_a8(self) -> Stamp:
        """Stamp of Figure A8."""
        return self._bounds_figure("figure_a8", self.study.figures.figure_a8)

    def figure_a9(self) -> Stamp:
        """Stamp of Figure A9."""
        return self._bounds_figure("figure_a9", self.study.figures.figure_a9)

    def _bounds_figure(self, name: str, figure: BoundsFigure | None) -> Stamp:
        methods = self.learning(figure.transformation) if figure else {}
        return self._stamp(f"figures.{name}", list(methods.items()), self.trainings(methods))

    def table_a3(self) -> Stamp:
        """Stamp of Table A3."""
        return self._lambda_table("table_a3", self.study.tables.table_a3)

    def table_a4(self) -> Stamp:
        """Stamp of Table A4."""
        return self._lambda_table("table_a4", self.study.tables.table_a4)

    def table_a5(self) -> Stamp:
        """Stamp of Table A5."""
        return self._lambda_table("table_a5", self.study.tables.table_a5)

    def table_a6(self) -> Stamp:
        """Stamp of Table A6."""
        return self._lambda_table("table_a6", self.study.tables.table_a6)

    def _lambda_table(self, name: str, table: LambdaTable | None) -> Stamp:
        methods = self.learning(table.transformation) if table else {}
        return self._stamp(f"tables.{name}", None, self.evaluations(methods))

    def figure_calibration(self) -> Stamp:
        """Stamp of the figure of planted factors."""
        model = self.calibrated
        return self._stamp("figures.figure_calibration", self.labels([model]), [self.calibration(model)])

    def table_calibration(self) -> Stamp:
        """Stamp of the table of planted factors."""
        upstream = [self.calibration(model) for model in self.search_labels]
        return self._stamp("tables.table_calibration", self.search_labels, upstream)

    @property
    def search_labels(self) -> dict[str, str]:
        """Names of the models of the similarity search."""
        return self.labels(self.study.similarity_search.models)

    def figure_3a(self) -> Stamp:
        """Stamp of Figure 3A."""
        return self._search_result("figures.figure_3a", self.study.figures.figure_3a)

    def figure_3b(self) -> Stamp:
        """Stamp of Figure 3B."""
        return self._search_result("figures.figure_3b", self.study.figures.figure_3b)

    def search_model(self, figure: str) -> str:
        """The one model of the similarity search that a figure draws."""
        return getattr(self.study.figures, figure).model or self.study.similarity_search.models[0]

    @property
    def compared(self) -> list[str]:
        """Models whose invariances Figure 3C compares."""
        figure = self.study.figures.figure_3c
        return (
            list(dict.fromkeys(n for one in figure.comparisons for n in (one.trained, one.untrained))) if figure else []
        )

    @property
    def compared_summaries(self) -> dict[str, str]:
        """Summaries of the invariance of these models."""
        return {name: f"{self.results}/metrics/invariance/{name}.summary.parquet" for name in self.compared}

    def figure_3c(self) -> Stamp:
        """Stamp of Figure 3C."""
        upstream = [self.similarity_search(self.search_model("figure_3c")), *map(self.invariance, self.compared)]
        return self._stamp("figures.figure_3c", self.study.figures.figure_3c, upstream)

    def figure_4(self) -> Stamp:
        """Stamp of Figure 4."""
        model = self.search_model("figure_4")
        settings = [self.study.figures.figure_4, self.study.wordnet.bins, self.labels([model])]
        return self._stamp("figures.figure_4", settings, [self.wordnet_similarity(model)])

    def figure_a4(self) -> Stamp:
        """Stamp of Figure A4."""
        return self._search_result("figures.figure_a4", self.study.figures.figure_a4)

    def figure_a5(self) -> Stamp:
        """Stamp of Figure A5."""
        return self._search_result("figures.figure_a5", self.study.figures.figure_a5)

    def table_families(self) -> Stamp:
        """Stamp of the table of families."""
        return self._search_result("tables.table_families", None)

    def table_weighted_boost(self) -> Stamp:
        """Stamp of the table of weighted boosts."""
        return self._search_result("tables.table_weighted_boost", self.study.tables.table_weighted_boost)

    def _search_result(self, module: str, settings: object) -> Stamp:
        models = self.study.similarity_search.models
        return self._stamp(module, [settings, self.search_labels], [self.similarity_search(one) for one in models])

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

    def table_per_class_augmentation(self) -> Stamp:
        """Stamp of the table of per-class augmentation."""
        table, methods = self.study.tables.table_per_class_augmentation, self.study.training.per_class_methods
        trainings = self.trainings([*([table.baseline] if table else []), *methods])
        upstream = [*trainings, *map(self.best_per_class, methods), self.index()]
        return self._stamp("tables.table_per_class_augmentation", [table, methods], upstream)

    def table_foregrounds(self) -> Stamp:
        """Stamp of the table of foregrounds."""
        settings = [self.study.tables.table_foregrounds, self.foreground_origin]
        return self._stamp("tables.table_foregrounds", settings, [self.foreground(), self.index()])

    def figure_l1(self) -> Stamp:
        """Stamp of Figure L1."""
        return self._lie_result("figures.figure_l1", self.study.figures.figure_l1)

    def figure_l2(self) -> Stamp:
        """Stamp of Figure L2."""
        models = self.layerwise_models
        settings = [self.study.figures.figure_l2, self.labels(models)]
        return self._stamp("figures.figure_l2", settings, map(self.layerwise, models))

    def figure_l3(self) -> Stamp:
        """Stamp of Figure L3."""
        models = self.two_papers_models
        upstream = [*map(self.equivariance_error, models), *map(self.invariance, models)]
        settings = [self.study.figures.figure_l3, self.labels(models), self.study.seed]
        return self._stamp("figures.figure_l3", settings, upstream)

    def table_lee(self) -> Stamp:
        """Stamp of the table of equivariance errors."""
        return self._lie_result("tables.table_lee", None)

    @property
    def lie_labels(self) -> dict[str, str]:
        """Names of the models whose Lie derivatives are measured."""
        return self.labels(self.lie_models)

    def _lie_result(self, module: str, settings: object) -> Stamp:
        errors = [self.equivariance_error(model) for model in self.lie_models]
        return self._stamp(module, [settings, self.lie_labels, self.study.seed], errors)

    def report_key(self) -> str:
        """Changes when a figure or a table does, or the title."""
        return digest([self.study.title, *(getattr(self, name)().key for name in [*self.figures, *self.tables])])
