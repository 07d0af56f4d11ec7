"""One HTML page with the figures, their captions and how they were made."""


rule report:
    input:
        unpack(STEPS["report"].rule_inputs),
    output:
        **STEPS["report"].rule_outputs,
    log:
        f"{LOGS}/report.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **STEPS["report"].params,
    message:
        "Writing the report"
    shell:
        COMMAND
