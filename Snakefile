from os.path import exists

from snakemake.utils import min_version

min_version("9.0")


# That of the folder in which Snakemake is started, else the one beside this file.
configfile: "config.yaml" if exists("config.yaml") else workflow.source_path("config.yaml")


report: "rules/report/workflow.rst"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/training.smk"
include: "rules/models.smk"
include: "rules/embeddings.smk"
include: "rules/metrics.smk"
include: "rules/foreground.smk"
include: "rules/lie.smk"
include: "rules/results.smk"
include: "rules/report.smk"


onstart:
    leave_interrupts_to_snakemake()
    hold_results(WORKSPACE.results)
    offer_gpus(workflow, EXECUTION)
    WORKSPACE.sources.remember(make_folder=True)
    follow(workflow, LOGS, partial(expected, WORKSPACE))


onsuccess:
    close("finished")


onerror:
    close("failed")
    print_failures(FAILURES)


rule all:
    default_target: True
    input:
        f"{WORKSPACE.results}/report.html",


rule figures:
    input:
        results.files_of(WORKSPACE, STUDY, "figure"),


rule tables:
    input:
        results.files_of(WORKSPACE, STUDY, "table"),


rule trainings:
    input:
        training.all_weights(WORKSPACE),
