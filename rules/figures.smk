"""One rule per figure. Each writes PDF, PNG, and CSV with exactly the numbers that are drawn."""

if "figure_2" in LINEAGE.figures:

    rule figure_2:
        input:
            expand(
                f"{RESULTS}/metrics/invariance/{{model}}.percentiles.parquet",
                model=LINEAGE.figure("figure_2").models,
            ),
        output:
            pdf=f"{RESULTS}/figures/figure_2.pdf",
            png=report(
                f"{RESULTS}/figures/figure_2.png",
                caption="report/figure_2.rst",
                category="Invariance",
                labels={"figure": "2", "of": "translation, zoom, rotation"},
            ),
            csv=f"{RESULTS}/figures/figure_2.csv",
        log:
            f"{LOGS}/figure_2.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            percentiles=lambda w, input: as_json(list(input)),
            labels=as_json(LINEAGE.labels(LINEAGE.figure("figure_2").models)),
            figure=as_json(LINEAGE.figure("figure_2")),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_2()),
        message:
            "Drawing Figure 2"
        shell:
            "python -m workflow_scripts.figures.figure_2 --percentiles {params.percentiles:q}"
            " --labels {params.labels:q} --figure {params.figure:q} --output {params.output:q} > {log:q} 2>&1"


if "figure_a3" in LINEAGE.figures:

    rule figure_a3:
        input:
            expand(
                f"{RESULTS}/metrics/invariance/{{model}}.percentiles.parquet",
                model=LINEAGE.figure("figure_a3").models,
            ),
        output:
            pdf=f"{RESULTS}/figures/figure_a3.pdf",
            png=report(
                f"{RESULTS}/figures/figure_a3.png",
                caption="report/figure_a3.rst",
                category="Invariance",
                labels={"figure": "A3", "of": "all of bank A"},
            ),
            csv=f"{RESULTS}/figures/figure_a3.csv",
        log:
            f"{LOGS}/figure_a3.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            percentiles=lambda w, input: as_json(list(input)),
            labels=as_json(LINEAGE.labels(LINEAGE.figure("figure_a3").models)),
            figure=as_json(LINEAGE.figure("figure_a3")),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_a3()),
        message:
            "Drawing Figure A3"
        shell:
            "python -m workflow_scripts.figures.figure_a3 --percentiles {params.percentiles:q}"
            " --labels {params.labels:q} --figure {params.figure:q} --output {params.output:q} > {log:q} 2>&1"


if "figure_a10" in LINEAGE.figures:

    rule figure_a10:
        input:
            expand(
                f"{RESULTS}/metrics/equivariance/{{model}}.percentiles.parquet",
                model=LINEAGE.figure("figure_a10").models,
            ),
        output:
            pdf=f"{RESULTS}/figures/figure_a10.pdf",
            png=report(
                f"{RESULTS}/figures/figure_a10.png",
                caption="report/figure_a10.rst",
                category="Equivariance",
                labels={"figure": "A10", "of": "all of bank A"},
            ),
            csv=f"{RESULTS}/figures/figure_a10.csv",
        log:
            f"{LOGS}/figure_a10.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            percentiles=lambda w, input: as_json(list(input)),
            labels=as_json(LINEAGE.labels(LINEAGE.figure("figure_a10").models)),
            figure=as_json(LINEAGE.figure("figure_a10")),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_a10()),
        message:
            "Drawing Figure A10"
        shell:
            "python -m workflow_scripts.figures.figure_a10 --percentiles {params.percentiles:q}"
            " --labels {params.labels:q} --figure {params.figure:q} --output {params.output:q} > {log:q} 2>&1"


if "figure_a2" in LINEAGE.figures:

    rule figure_a2:
        input:
            rules.show_banks.output,
        output:
            pdf=f"{RESULTS}/figures/figure_a2.pdf",
            png=report(
                f"{RESULTS}/figures/figure_a2.png",
                caption="report/figure_a2.rst",
                category="Transformations",
                labels={"figure": "A2", "of": "banks A and B"},
            ),
            csv=f"{RESULTS}/figures/figure_a2.csv",
        log:
            f"{LOGS}/figure_a2.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_a2()),
        message:
            "Drawing Figure A2"
        shell:
            "python -m workflow_scripts.figures.figure_a2 --examples {input:q} --output {params.output:q}"
            " > {log:q} 2>&1"


if "figure_a1" in LINEAGE.figures:

    rule figure_a1:
        output:
            pdf=f"{RESULTS}/figures/figure_a1.pdf",
            png=report(
                f"{RESULTS}/figures/figure_a1.png",
                caption="report/figure_a1.rst",
                category="Augmentation",
                labels={"figure": "A1", "of": "Beta laws of the area"},
            ),
            csv=f"{RESULTS}/figures/figure_a1.csv",
        log:
            f"{LOGS}/figure_a1.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            betas=as_json(STUDY.figures.figure_a1.betas),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_a1()),
        message:
            "Drawing Figure A1"
        shell:
            "python -m workflow_scripts.figures.figure_a1 --betas {params.betas:q} --output {params.output:q}"
            " > {log:q} 2>&1"


if "figure_a6" in LINEAGE.figures:

    rule figure_a6:
        input:
            foregrounds=LINEAGE.foregrounds,
            index=rules.index.output.index,
        output:
            pdf=f"{RESULTS}/figures/figure_a6.pdf",
            png=report(
                f"{RESULTS}/figures/figure_a6.png",
                caption="report/figure_a6.rst",
                category="Foregrounds",
                labels={"figure": "A6", "of": "centre and area of foregrounds"},
            ),
            csv=f"{RESULTS}/figures/figure_a6.csv",
        log:
            f"{LOGS}/figure_a6.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            foregrounds=lambda w, input: as_json(input.foregrounds),
            how=LINEAGE.foreground_origin,
            figure=as_json(STUDY.figures.figure_a6),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_a6()),
        message:
            "Drawing Figure A6"
        shell:
            "python -m workflow_scripts.figures.figure_a6 --foregrounds {params.foregrounds:q} --index {input.index:q}"
            " --how {params.how:q} --figure {params.figure:q} --output {params.output:q} > {log:q} 2>&1"


if "figure_a7" in LINEAGE.figures:

    rule figure_a7:
        input:
            expand(
                f"{RESULTS}/metrics/zoom_sweep/{{method}}-{{seed}}.parquet",
                method=STUDY.zoom_sweep.methods,
                seed=STUDY.training.seeds,
            ),
        output:
            pdf=f"{RESULTS}/figures/figure_a7.pdf",
            png=report(
                f"{RESULTS}/figures/figure_a7.png",
                caption="report/figure_a7.rst",
                category="Augmentation",
                labels={"figure": "A7", "of": "top-1 under zoom"},
            ),
            csv=f"{RESULTS}/figures/figure_a7.csv",
        log:
            f"{LOGS}/figure_a7.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            sweeps=lambda w, input: as_json(list(input)),
            labels=as_json(LINEAGE.zoom_labels),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_a7()),
        message:
            "Drawing Figure A7"
        shell:
            "python -m workflow_scripts.figures.figure_a7 --sweeps {params.sweeps:q} --labels {params.labels:q}"
            " --output {params.output:q} > {log:q} 2>&1"


if "figure_a8" in LINEAGE.figures:

    rule figure_a8:
        input:
            LINEAGE.run_files(
                LINEAGE.learning(STUDY.figures.figure_a8.transformation),
                ["history.parquet"],
            ),
        output:
            pdf=f"{RESULTS}/figures/figure_a8.pdf",
            png=report(
                f"{RESULTS}/figures/figure_a8.png",
                caption="report/figure_a8.rst",
                category="Augerino",
                labels={"figure": "A8", "of": "learned translation"},
            ),
            csv=f"{RESULTS}/figures/figure_a8.csv",
        log:
            f"{LOGS}/figure_a8.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            runs=as_json(LINEAGE.bounds_runs(STUDY.figures.figure_a8.transformation)),
            initial_width=STUDY.augerino.initial_width,
            limits=as_json(LINEAGE.limits(STUDY.figures.figure_a8.transformation)),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_a8()),
        message:
            "Drawing Figure A8"
        shell:
            "python -m workflow_scripts.figures.figure_a8 --runs {params.runs:q} --limits {params.limits:q}"
            " --initial_width {params.initial_width} --output {params.output:q} > {log:q} 2>&1"


if "figure_a9" in LINEAGE.figures:

    rule figure_a9:
        input:
            LINEAGE.run_files(
                LINEAGE.learning(STUDY.figures.figure_a9.transformation),
                ["history.parquet"],
            ),
        output:
            pdf=f"{RESULTS}/figures/figure_a9.pdf",
            png=report(
                f"{RESULTS}/figures/figure_a9.png",
                caption="report/figure_a9.rst",
                category="Augerino",
                labels={"figure": "A9", "of": "learned translation and zoom"},
            ),
            csv=f"{RESULTS}/figures/figure_a9.csv",
        log:
            f"{LOGS}/figure_a9.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            runs=as_json(LINEAGE.bounds_runs(STUDY.figures.figure_a9.transformation)),
            initial_width=STUDY.augerino.initial_width,
            limits=as_json(LINEAGE.limits(STUDY.figures.figure_a9.transformation)),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_a9()),
        message:
            "Drawing Figure A9"
        shell:
            "python -m workflow_scripts.figures.figure_a9 --runs {params.runs:q} --limits {params.limits:q}"
            " --initial_width {params.initial_width} --output {params.output:q} > {log:q} 2>&1"


if "figure_calibration" in LINEAGE.figures:

    rule figure_calibration:
        input:
            f"{RESULTS}/metrics/calibration/{LINEAGE.calibrated}.parquet",
        output:
            pdf=f"{RESULTS}/figures/figure_calibration.pdf",
            png=report(
                f"{RESULTS}/figures/figure_calibration.png",
                caption="report/figure_calibration.rst",
                category="Calibration",
                labels={"figure": "calibration", "of": "planted factors"},
            ),
            csv=f"{RESULTS}/figures/figure_calibration.csv",
        log:
            f"{LOGS}/figure_calibration.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            label=LINEAGE.search_labels[LINEAGE.calibrated],
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_calibration()),
        message:
            "Drawing the ranks of the planted factors"
        shell:
            "python -m workflow_scripts.figures.figure_calibration --calibration {input:q} --label {params.label:q}"
            " --output {params.output:q} > {log:q} 2>&1"


if "figure_3a" in LINEAGE.figures:

    rule figure_3a:
        input:
            LINEAGE.searches,
        output:
            pdf=f"{RESULTS}/figures/figure_3a.pdf",
            png=report(
                f"{RESULTS}/figures/figure_3a.png",
                caption="report/figure_3a.rst",
                category="Similarity search",
                labels={"figure": "3A", "of": "change per transformation"},
            ),
            csv=f"{RESULTS}/figures/figure_3a.csv",
        log:
            f"{LOGS}/figure_3a.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            searches=lambda w, input: as_json(list(input)),
            labels=as_json(LINEAGE.search_labels),
            figure=as_json(STUDY.figures.figure_3a),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_3a()),
        message:
            "Drawing Figure 3A"
        shell:
            "python -m workflow_scripts.figures.figure_3a --searches {params.searches:q} --labels {params.labels:q}"
            " --figure {params.figure:q} --output {params.output:q} > {log:q} 2>&1"


if "figure_3b" in LINEAGE.figures:

    rule figure_3b:
        input:
            LINEAGE.searches,
        output:
            pdf=f"{RESULTS}/figures/figure_3b.pdf",
            png=report(
                f"{RESULTS}/figures/figure_3b.png",
                caption="report/figure_3b.rst",
                category="Similarity search",
                labels={"figure": "3B", "of": "best per class and over all classes"},
            ),
            csv=f"{RESULTS}/figures/figure_3b.csv",
        log:
            f"{LOGS}/figure_3b.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            searches=lambda w, input: as_json(list(input)),
            labels=as_json(LINEAGE.search_labels),
            figure=as_json(STUDY.figures.figure_3b),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_3b()),
        message:
            "Drawing Figure 3B"
        shell:
            "python -m workflow_scripts.figures.figure_3b --searches {params.searches:q} --labels {params.labels:q}"
            " --figure {params.figure:q} --output {params.output:q} > {log:q} 2>&1"


if "figure_a4" in LINEAGE.figures:

    rule figure_a4:
        input:
            LINEAGE.searches,
        output:
            pdf=f"{RESULTS}/figures/figure_a4.pdf",
            png=report(
                f"{RESULTS}/figures/figure_a4.png",
                caption="report/figure_a4.rst",
                category="Similarity search",
                labels={"figure": "A4", "of": "change per sub-policy"},
            ),
            csv=f"{RESULTS}/figures/figure_a4.csv",
        log:
            f"{LOGS}/figure_a4.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            searches=lambda w, input: as_json(list(input)),
            labels=as_json(LINEAGE.search_labels),
            figure=as_json(STUDY.figures.figure_a4),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_a4()),
        message:
            "Drawing Figure A4"
        shell:
            "python -m workflow_scripts.figures.figure_a4 --searches {params.searches:q} --labels {params.labels:q}"
            " --figure {params.figure:q} --output {params.output:q} > {log:q} 2>&1"


if "figure_a5" in LINEAGE.figures:

    rule figure_a5:
        input:
            LINEAGE.searches,
        output:
            pdf=f"{RESULTS}/figures/figure_a5.pdf",
            png=report(
                f"{RESULTS}/figures/figure_a5.png",
                caption="report/figure_a5.rst",
                category="Similarity search",
                labels={
                    "figure": "A5",
                    "of": "change without translation and rescale",
                },
            ),
            csv=f"{RESULTS}/figures/figure_a5.csv",
        log:
            f"{LOGS}/figure_a5.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            searches=lambda w, input: as_json(list(input)),
            labels=as_json(LINEAGE.search_labels),
            figure=as_json(STUDY.figures.figure_a5),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_a5()),
        message:
            "Drawing Figure A5"
        shell:
            "python -m workflow_scripts.figures.figure_a5 --searches {params.searches:q} --labels {params.labels:q}"
            " --figure {params.figure:q} --output {params.output:q} > {log:q} 2>&1"


if "figure_3c" in LINEAGE.figures:

    rule figure_3c:
        input:
            search=f"{RESULTS}/metrics/similarity_search/{LINEAGE.search_model('figure_3c')}.parquet",
            summaries=LINEAGE.compared_summaries.values(),
        output:
            pdf=f"{RESULTS}/figures/figure_3c.pdf",
            png=report(
                f"{RESULTS}/figures/figure_3c.png",
                caption="report/figure_3c.rst",
                category="Similarity search",
                labels={"figure": "3C", "of": "best transformations and training"},
            ),
            csv=f"{RESULTS}/figures/figure_3c.csv",
        log:
            f"{LOGS}/figure_3c.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            summaries=as_json(LINEAGE.compared_summaries),
            figure=as_json(STUDY.figures.figure_3c),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_3c()),
        message:
            "Drawing Figure 3C"
        shell:
            "python -m workflow_scripts.figures.figure_3c --search {input.search:q} --summaries {params.summaries:q}"
            " --figure {params.figure:q} --output {params.output:q} > {log:q} 2>&1"


if "figure_4" in LINEAGE.figures:

    rule figure_4:
        input:
            f"{RESULTS}/metrics/wordnet_similarity/{LINEAGE.search_model('figure_4')}.parquet",
        output:
            pdf=f"{RESULTS}/figures/figure_4.pdf",
            png=report(
                f"{RESULTS}/figures/figure_4.png",
                caption="report/figure_4.rst",
                category="Similarity search",
                labels={"figure": "4", "of": "related classes"},
            ),
            csv=f"{RESULTS}/figures/figure_4.csv",
        log:
            f"{LOGS}/figure_4.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            label=LINEAGE.search_labels[LINEAGE.search_model("figure_4")],
            figure=as_json(STUDY.figures.figure_4),
            bins=STUDY.wordnet.bins,
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_4()),
        message:
            "Drawing Figure 4"
        shell:
            "python -m workflow_scripts.figures.figure_4 --similarity {input:q} --label {params.label:q}"
            " --figure {params.figure:q} --bins {params.bins} --output {params.output:q} > {log:q} 2>&1"


if "figure_l1" in LINEAGE.figures:

    rule figure_l1:
        input:
            abouts=LINEAGE.lie_tables("about"),
            summaries=LINEAGE.lie_tables("summary"),
        output:
            pdf=f"{RESULTS}/figures/figure_l1.pdf",
            png=report(
                f"{RESULTS}/figures/figure_l1.png",
                caption="report/figure_l1.rst",
                category="Lie derivatives",
                labels={"figure": "L1", "of": "equivariance error and top-1"},
            ),
            csv=f"{RESULTS}/figures/figure_l1.csv",
        log:
            f"{LOGS}/figure_l1.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            abouts=lambda w, input: as_json(input.abouts),
            summaries=lambda w, input: as_json(input.summaries),
            labels=as_json(LINEAGE.lie_labels),
            figure=as_json(STUDY.figures.figure_l1),
            seed=STUDY.seed,
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_l1()),
        message:
            "Drawing Figure L1"
        shell:
            "python -m workflow_scripts.figures.figure_l1 --abouts {params.abouts:q} --summaries {params.summaries:q}"
            " --labels {params.labels:q} --figure {params.figure:q} --seed {params.seed} --output {params.output:q}"
            " > {log:q} 2>&1"


if "figure_l2" in LINEAGE.figures:

    rule figure_l2:
        input:
            LINEAGE.lie_tables("kinds", LINEAGE.layerwise_models),
        output:
            pdf=f"{RESULTS}/figures/figure_l2.pdf",
            png=report(
                f"{RESULTS}/figures/figure_l2.png",
                caption="report/figure_l2.rst",
                category="Lie derivatives",
                labels={"figure": "L2", "of": "contributions of layers"},
            ),
            csv=f"{RESULTS}/figures/figure_l2.csv",
        log:
            f"{LOGS}/figure_l2.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            kinds=lambda w, input: as_json(list(input)),
            labels=as_json(LINEAGE.labels(LINEAGE.layerwise_models)),
            figure=as_json(STUDY.figures.figure_l2),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_l2()),
        message:
            "Drawing Figure L2"
        shell:
            "python -m workflow_scripts.figures.figure_l2 --kinds {params.kinds:q} --labels {params.labels:q}"
            " --figure {params.figure:q} --output {params.output:q} > {log:q} 2>&1"


if "figure_l3" in LINEAGE.figures:

    rule figure_l3:
        input:
            abouts=LINEAGE.lie_tables("about", LINEAGE.two_papers_models),
            summaries=LINEAGE.lie_tables("summary", LINEAGE.two_papers_models),
            invariances=expand(
                f"{RESULTS}/metrics/invariance/{{model}}.summary.parquet",
                model=LINEAGE.two_papers_models,
            ),
        output:
            pdf=f"{RESULTS}/figures/figure_l3.pdf",
            png=report(
                f"{RESULTS}/figures/figure_l3.png",
                caption="report/figure_l3.rst",
                category="Lie derivatives",
                labels={"figure": "L3", "of": "equivariance error and invariance"},
            ),
            csv=f"{RESULTS}/figures/figure_l3.csv",
        log:
            f"{LOGS}/figure_l3.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            abouts=lambda w, input: as_json(input.abouts),
            summaries=lambda w, input: as_json(input.summaries),
            invariances=lambda w, input: as_json(input.invariances),
            labels=as_json(LINEAGE.labels(LINEAGE.two_papers_models)),
            figure=as_json(STUDY.figures.figure_l3),
            seed=STUDY.seed,
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.figure_l3()),
        message:
            "Drawing Figure L3"
        shell:
            "python -m workflow_scripts.figures.figure_l3 --abouts {params.abouts:q} --summaries {params.summaries:q}"
            " --invariances {params.invariances:q} --labels {params.labels:q} --figure {params.figure:q}"
            " --seed {params.seed} --output {params.output:q} > {log:q} 2>&1"
