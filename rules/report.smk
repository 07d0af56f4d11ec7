"""One HTML page with the figures, their captions and how they were made."""


# A second Snakemake reads what the first has recorded; it changes nothing, so it needs no lock.
rule report:
    input:
        LINEAGE.figure_files,
        LINEAGE.table_files,
    output:
        f"{RESULTS}/report.html",
    log:
        f"{LOGS}/report.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        stamp=LINEAGE.report_key(),
    message:
        "Writing the report"
    shell:
        f"python -m snakemake --snakefile {quote(str(workflow.basedir))}/Snakefile --nolock --report {{output:q}}"
        f" --config study={quote(LINEAGE.config.study)} data={quote(LINEAGE.config.data)} results={quote(LINEAGE.config.results)}"
        " -- figures tables > {log:q} 2>&1"
