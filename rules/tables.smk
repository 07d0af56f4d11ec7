"""One rule per table. Each writes CSV and Markdown."""

if "table_1a" in LINEAGE.tables:

    rule table_1a:
        input:
            LINEAGE.run_files(LINEAGE.table_methods("table_1a")),
        output:
            csv=report(
                f"{RESULTS}/tables/table_1a.csv",
                caption="report/table_1a.rst",
                category="Augmentation",
                labels={"table": "1a", "of": "top-1 per augmentation"},
            ),
            md=f"{RESULTS}/tables/table_1a.md",
        log:
            f"{LOGS}/table_1a.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            runs=as_json(LINEAGE.runs(LINEAGE.table_methods("table_1a"))),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.table_1a()),
        message:
            "Tabulating top-1 per augmentation"
        shell:
            "python -m workflow_scripts.tables.table_1a --runs {params.runs:q} --output {params.output:q}"
            " --stamp {params.stamp:q} > {log:q} 2>&1"


if "table_1b" in LINEAGE.tables:

    rule table_1b:
        input:
            LINEAGE.run_files(LINEAGE.table_methods("table_1b")),
        output:
            csv=report(
                f"{RESULTS}/tables/table_1b.csv",
                caption="report/table_1b.rst",
                category="Augmentation",
                labels={"table": "1b", "of": "top-1 per Beta law"},
            ),
            md=f"{RESULTS}/tables/table_1b.md",
        log:
            f"{LOGS}/table_1b.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            runs=as_json(LINEAGE.runs(LINEAGE.table_methods("table_1b"))),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.table_1b()),
        message:
            "Tabulating top-1 per Beta law"
        shell:
            "python -m workflow_scripts.tables.table_1b --runs {params.runs:q} --output {params.output:q}"
            " --stamp {params.stamp:q} > {log:q} 2>&1"


if "table_a1" in LINEAGE.tables:

    rule table_a1:
        output:
            csv=report(
                f"{RESULTS}/tables/table_a1.csv",
                caption="report/table_a1.rst",
                category="Augmentation",
                labels={"table": "A1", "of": "moments of the Beta laws"},
            ),
            md=f"{RESULTS}/tables/table_a1.md",
        log:
            f"{LOGS}/table_a1.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            table=as_json(STUDY.tables.table_a1),
            seed=STUDY.seed,
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.table_a1()),
        message:
            "Integrating the Beta laws"
        shell:
            "python -m workflow_scripts.tables.table_a1 --table {params.table:q} --seed {params.seed}"
            " --output {params.output:q} --stamp {params.stamp:q} > {log:q} 2>&1"


if "table_a2" in LINEAGE.tables:

    rule table_a2:
        input:
            method=LINEAGE.run_files([STUDY.tables.table_a2.method]),
            baseline=LINEAGE.run_files([STUDY.tables.table_a2.baseline]),
            index=rules.index.output.index,
            wordnet=rules.wordnet.output,
        output:
            csv=report(
                f"{RESULTS}/tables/table_a2.csv",
                caption="report/table_a2.rst",
                category="Augmentation",
                labels={"table": "A2", "of": "hurt and helped classes"},
            ),
            md=f"{RESULTS}/tables/table_a2.md",
            summary=report(
                f"{RESULTS}/tables/table_a2_summary.csv",
                caption="report/table_a2.rst",
                category="Augmentation",
                labels={"table": "A2", "of": "summary"},
            ),
            summary_md=f"{RESULTS}/tables/table_a2_summary.md",
        log:
            f"{LOGS}/table_a2.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            method=as_json(LINEAGE.seeds_of(STUDY.tables.table_a2.method)),
            baseline=as_json(LINEAGE.seeds_of(STUDY.tables.table_a2.baseline)),
            table=as_json(STUDY.tables.table_a2),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.table_a2()),
        message:
            "Tabulating hurt and helped classes"
        shell:
            "python -m workflow_scripts.tables.table_a2 --method_runs {params.method:q}"
            " --baseline_runs {params.baseline:q} --index {input.index:q} --wordnet {input.wordnet:q}"
            " --table {params.table:q} --output {params.output:q} --stamp {params.stamp:q} > {log:q} 2>&1"


if "table_a3" in LINEAGE.tables:

    rule table_a3:
        input:
            LINEAGE.augerino_evaluations(STUDY.tables.table_a3.transformation),
        output:
            csv=report(
                f"{RESULTS}/tables/table_a3.csv",
                caption="report/table_a3.rst",
                category="Augerino",
                labels={"table": "A3", "of": "learned translation, on"},
            ),
            md=f"{RESULTS}/tables/table_a3.md",
        log:
            f"{LOGS}/table_a3.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            evaluations=lambda w, input: as_json(list(input)),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.table_a3()),
        message:
            "Tabulating top-1 with learned translation, on in evaluation"
        shell:
            "python -m workflow_scripts.tables.table_a3 --evaluations {params.evaluations:q} --output {params.output:q}"
            " --stamp {params.stamp:q} > {log:q} 2>&1"


if "table_a4" in LINEAGE.tables:

    rule table_a4:
        input:
            LINEAGE.augerino_evaluations(STUDY.tables.table_a4.transformation),
        output:
            csv=report(
                f"{RESULTS}/tables/table_a4.csv",
                caption="report/table_a4.rst",
                category="Augerino",
                labels={"table": "A4", "of": "learned translation, off"},
            ),
            md=f"{RESULTS}/tables/table_a4.md",
        log:
            f"{LOGS}/table_a4.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            evaluations=lambda w, input: as_json(list(input)),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.table_a4()),
        message:
            "Tabulating top-1 with learned translation, off in evaluation"
        shell:
            "python -m workflow_scripts.tables.table_a4 --evaluations {params.evaluations:q} --output {params.output:q}"
            " --stamp {params.stamp:q} > {log:q} 2>&1"


if "table_a5" in LINEAGE.tables:

    rule table_a5:
        input:
            LINEAGE.augerino_evaluations(STUDY.tables.table_a5.transformation),
        output:
            csv=report(
                f"{RESULTS}/tables/table_a5.csv",
                caption="report/table_a5.rst",
                category="Augerino",
                labels={"table": "A5", "of": "learned translation and zoom, on"},
            ),
            md=f"{RESULTS}/tables/table_a5.md",
        log:
            f"{LOGS}/table_a5.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            evaluations=lambda w, input: as_json(list(input)),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.table_a5()),
        message:
            "Tabulating top-1 with learned translation and zoom, on in evaluation"
        shell:
            "python -m workflow_scripts.tables.table_a5 --evaluations {params.evaluations:q} --output {params.output:q}"
            " --stamp {params.stamp:q} > {log:q} 2>&1"


if "table_a6" in LINEAGE.tables:

    rule table_a6:
        input:
            LINEAGE.augerino_evaluations(STUDY.tables.table_a6.transformation),
        output:
            csv=report(
                f"{RESULTS}/tables/table_a6.csv",
                caption="report/table_a6.rst",
                category="Augerino",
                labels={"table": "A6", "of": "learned translation and zoom, off"},
            ),
            md=f"{RESULTS}/tables/table_a6.md",
        log:
            f"{LOGS}/table_a6.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            evaluations=lambda w, input: as_json(list(input)),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.table_a6()),
        message:
            "Tabulating top-1 with learned translation and zoom, off in evaluation"
        shell:
            "python -m workflow_scripts.tables.table_a6 --evaluations {params.evaluations:q} --output {params.output:q}"
            " --stamp {params.stamp:q} > {log:q} 2>&1"


if "table_b" in LINEAGE.tables:

    rule table_b:
        input:
            LINEAGE.run_files(
                [STUDY.tables.table_b.baseline, *STUDY.tables.table_b.methods]
            ),
        output:
            csv=report(
                f"{RESULTS}/tables/table_b.csv",
                caption="report/table_b.rst",
                category="Augmentation",
                labels={"table": "B", "of": "overlap of helped images"},
            ),
            md=f"{RESULTS}/tables/table_b.md",
        log:
            f"{LOGS}/table_b.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            baseline=as_json(LINEAGE.seeds_of(STUDY.tables.table_b.baseline)),
            methods=as_json(LINEAGE.runs(STUDY.tables.table_b.methods)),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.table_b()),
        message:
            "Comparing the images that augmentations help"
        shell:
            "python -m workflow_scripts.tables.table_b --baseline_runs {params.baseline:q}"
            " --method_runs {params.methods:q} --output {params.output:q} --stamp {params.stamp:q} > {log:q} 2>&1"


if "table_calibration" in LINEAGE.tables:

    rule table_calibration:
        input:
            expand(
                f"{RESULTS}/metrics/calibration/{{model}}.parquet",
                model=STUDY.similarity_search.models,
            ),
        output:
            csv=report(
                f"{RESULTS}/tables/table_calibration.csv",
                caption="report/table_calibration.rst",
                category="Calibration",
                labels={"table": "calibration", "of": "planted factors found"},
            ),
            md=f"{RESULTS}/tables/table_calibration.md",
            classes=report(
                f"{RESULTS}/tables/table_calibration_classes.csv",
                caption="report/table_calibration.rst",
                category="Calibration",
                labels={"table": "calibration", "of": "best transformation per class"},
            ),
            classes_md=f"{RESULTS}/tables/table_calibration_classes.md",
        log:
            f"{LOGS}/table_calibration.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            calibrations=lambda w, input: as_json(list(input)),
            labels=as_json(LINEAGE.search_labels),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.table_calibration()),
        message:
            "Counting the planted factors that were found"
        shell:
            "python -m workflow_scripts.tables.table_calibration --calibrations {params.calibrations:q}"
            " --labels {params.labels:q} --output {params.output:q} --stamp {params.stamp:q} > {log:q} 2>&1"


if "table_families" in LINEAGE.tables:

    rule table_families:
        input:
            LINEAGE.searches,
        output:
            csv=report(
                f"{RESULTS}/tables/table_families.csv",
                caption="report/table_families.rst",
                category="Similarity search",
                labels={
                    "table": "families",
                    "of": "families of the best transformations",
                },
            ),
            md=f"{RESULTS}/tables/table_families.md",
        log:
            f"{LOGS}/table_families.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            searches=lambda w, input: as_json(list(input)),
            labels=as_json(LINEAGE.search_labels),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.table_families()),
        message:
            "Counting the families of the best transformations"
        shell:
            "python -m workflow_scripts.tables.table_families --searches {params.searches:q} --labels {params.labels:q}"
            " --output {params.output:q} --stamp {params.stamp:q} > {log:q} 2>&1"


if "table_weighted_boost" in LINEAGE.tables:

    rule table_weighted_boost:
        input:
            LINEAGE.searches,
        output:
            csv=report(
                f"{RESULTS}/tables/table_weighted_boost.csv",
                caption="report/table_weighted_boost.rst",
                category="Similarity search",
                labels={"table": "weighted boost", "of": "largest weighted boosts"},
            ),
            md=f"{RESULTS}/tables/table_weighted_boost.md",
        log:
            f"{LOGS}/table_weighted_boost.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            searches=lambda w, input: as_json(list(input)),
            labels=as_json(LINEAGE.search_labels),
            table=as_json(STUDY.tables.table_weighted_boost),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.table_weighted_boost()),
        message:
            "Tabulating the largest weighted boosts"
        shell:
            "python -m workflow_scripts.tables.table_weighted_boost --searches {params.searches:q} --labels {params.labels:q} --table {params.table:q}"
            " --output {params.output:q} --stamp {params.stamp:q} > {log:q} 2>&1"


if "table_per_class_augmentation" in LINEAGE.tables:

    rule table_per_class_augmentation:
        input:
            baseline=LINEAGE.run_files(
                [STUDY.tables.table_per_class_augmentation.baseline]
            ),
            methods=LINEAGE.run_files(STUDY.training.per_class_methods),
            transformations=expand(
                f"{RESULTS}/metrics/best_per_class/{{method}}.parquet",
                method=STUDY.training.per_class_methods,
            ),
            index=rules.index.output.index,
        output:
            csv=report(
                f"{RESULTS}/tables/table_per_class_augmentation.csv",
                caption="report/table_per_class_augmentation.rst",
                category="Similarity search",
                labels={
                    "table": "per-class augmentation",
                    "of": "top-1 over all classes",
                },
            ),
            md=f"{RESULTS}/tables/table_per_class_augmentation.md",
            classes=report(
                f"{RESULTS}/tables/table_per_class_augmentation_classes.csv",
                caption="report/table_per_class_augmentation.rst",
                category="Similarity search",
                labels={"table": "per-class augmentation", "of": "top-1 per class"},
            ),
            classes_md=f"{RESULTS}/tables/table_per_class_augmentation_classes.md",
        log:
            f"{LOGS}/table_per_class_augmentation.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            baseline=as_json(
                LINEAGE.seeds_of(STUDY.tables.table_per_class_augmentation.baseline)
            ),
            methods=as_json(LINEAGE.runs(STUDY.training.per_class_methods)),
            transformations=lambda w, input: as_json(
                dict(zip(STUDY.training.per_class_methods, input.transformations))
            ),
            table=as_json(STUDY.tables.table_per_class_augmentation),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.table_per_class_augmentation()),
        message:
            "Comparing per-class augmentation with one for all classes"
        shell:
            "python -m workflow_scripts.tables.table_per_class_augmentation --baseline_runs {params.baseline:q}"
            " --method_runs {params.methods:q} --transformations {params.transformations:q} --index {input.index:q}"
            " --table {params.table:q} --output {params.output:q} --stamp {params.stamp:q} > {log:q} 2>&1"


if "table_foregrounds" in LINEAGE.tables:

    rule table_foregrounds:
        input:
            foregrounds=LINEAGE.foregrounds,
            index=rules.index.output.index,
        output:
            csv=report(
                f"{RESULTS}/tables/table_foregrounds.csv",
                caption="report/table_foregrounds.rst",
                category="Foregrounds",
                labels={"table": "foregrounds", "of": "centre and area per class"},
            ),
            md=f"{RESULTS}/tables/table_foregrounds.md",
        log:
            f"{LOGS}/table_foregrounds.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            foregrounds=lambda w, input: as_json(input.foregrounds),
            how=LINEAGE.foreground_origin,
            table=as_json(STUDY.tables.table_foregrounds),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.table_foregrounds()),
        message:
            "Tabulating the foregrounds per class"
        shell:
            "python -m workflow_scripts.tables.table_foregrounds --foregrounds {params.foregrounds:q}"
            " --index {input.index:q} --how {params.how:q} --table {params.table:q}"
            " --output {params.output:q} --stamp {params.stamp:q} > {log:q} 2>&1"


if "table_lee" in LINEAGE.tables:

    rule table_lee:
        input:
            abouts=LINEAGE.lie_tables("about"),
            summaries=LINEAGE.lie_tables("summary"),
        output:
            csv=report(
                f"{RESULTS}/tables/table_lee.csv",
                caption="report/table_lee.rst",
                category="Lie derivatives",
                labels={"table": "LEE", "of": "every equivariance error"},
            ),
            md=f"{RESULTS}/tables/table_lee.md",
            models=report(
                f"{RESULTS}/tables/table_lee_models.csv",
                caption="report/table_lee.rst",
                category="Lie derivatives",
                labels={"table": "LEE", "of": "a row per model"},
            ),
            models_md=f"{RESULTS}/tables/table_lee_models.md",
        log:
            f"{LOGS}/table_lee.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            abouts=lambda w, input: as_json(input.abouts),
            summaries=lambda w, input: as_json(input.summaries),
            labels=as_json(LINEAGE.lie_labels),
            output=subpath(output.csv, strip_suffix=".csv"),
            stamp=str(LINEAGE.table_lee()),
        message:
            "Tabulating equivariance errors"
        shell:
            "python -m workflow_scripts.tables.table_lee --abouts {params.abouts:q} --summaries {params.summaries:q}"
            " --labels {params.labels:q} --output {params.output:q} --stamp {params.stamp:q} > {log:q} 2>&1"
