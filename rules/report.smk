"""One page for a colleague, Snakemake's own report, and whether all results are whole."""


rule report:
    input:
        unpack(STEPS["report"].rule_inputs),
    output:
        **STEPS["report"].rule_outputs,
    log:
        f"{LOGS}/report.log",
    benchmark:
        f"{LOGS}/report.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **STEPS["report"].params,
    message:
        "Writing the report"
    shell:
        COMMAND


rule snakemake_report:
    input:
        unpack(STEPS["snakemake_report"].rule_inputs),
    output:
        **STEPS["snakemake_report"].rule_outputs,
    log:
        f"{LOGS}/snakemake_report.log",
    benchmark:
        f"{LOGS}/snakemake_report.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **STEPS["snakemake_report"].params,
    message:
        "Writing Snakemake's own report"
    shell:
        COMMAND


rule verify:
    log:
        f"{LOGS}/verify.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **STEPS["verify"].params,
    message:
        "Reading every result of this study"
    shell:
        SHOWN_COMMAND


rule cost:
    log:
        f"{LOGS}/cost.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **STEPS["cost"].params,
    message:
        "What this study takes"
    shell:
        SHOWN_COMMAND


# Ends when it is read, before Snakemake locks anything: see common.smk.
rule status:
    log:
        f"{LOGS}/status.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "echo 'error: status is to be the only target: snakemake status' | tee {log:q} >&2; exit 1"


rule calibrate:
    log:
        f"{LOGS}/calibrate.log",
    conda:
        ENVIRONMENT
    threads: EXECUTION.threads
    resources:
        **asked(**network_job(EXECUTION, 15)),
    params:
        **STEPS["calibrate"].params,
    message:
        "Measuring how fast this machine is"
    shell:
        SHOWN_COMMAND


if "compare" in STEPS:

    rule compare:
        output:
            **STEPS["compare"].rule_outputs,
        log:
            f"{LOGS}/compare.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            **STEPS["compare"].params,
        message:
            "Setting several studies side by side"
        shell:
            COMMAND

else:

    rule compare:
        log:
            f"{LOGS}/compare.log",
        localrule: True
        conda:
            ENVIRONMENT
        shell:
            "echo 'error: name the studies: snakemake compare --config studies=a,b' | tee {log:q} >&2; exit 1"


if "compare_calibrations" in STEPS:

    rule compare_calibrations:
        output:
            **STEPS["compare_calibrations"].rule_outputs,
        log:
            f"{LOGS}/compare_calibrations.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            **STEPS["compare_calibrations"].params,
        message:
            "Setting the calibrations of several studies side by side"
        shell:
            COMMAND

else:

    rule compare_calibrations:
        log:
            f"{LOGS}/compare_calibrations.log",
        localrule: True
        conda:
            ENVIRONMENT
        shell:
            "echo 'error: name the studies: snakemake compare_calibrations --config calibrations=a,b'"
            " | tee {log:q} >&2; exit 1"
