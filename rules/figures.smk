"""One rule per figure. Each writes PDF, PNG, and CSV with exactly the numbers that are drawn."""


localrules:
    figure_2,
    figure_a2,
    figure_a3,
    figure_a1,
    figure_a6,
    figure_a7,


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
