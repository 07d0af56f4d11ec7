from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


report: "rules/report/workflow.rst"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/training.smk"
include: "rules/models.smk"
include: "rules/embeddings.smk"
include: "rules/metrics.smk"
include: "rules/augerino.smk"
include: "rules/foreground.smk"
include: "rules/lie.smk"
include: "rules/figures.smk"
include: "rules/tables.smk"
include: "rules/report.smk"


onerror:
    print_failures(log, workflow.dag)


rule all:
    default_target: True
    input:
        f"{RESULTS}/report.html",


rule figures:
    input:
        LINEAGE.figure_files,


rule tables:
    input:
        LINEAGE.table_files,


rule trainings:
    input:
        LINEAGE.training_files,
