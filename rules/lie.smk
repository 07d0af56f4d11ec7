"""Lie derivatives; one job per model."""


rule equivariance_error:
    input:
        unpack(STEPS["equivariance_error"].rule_inputs),
    output:
        **STEPS["equivariance_error"].rule_outputs,
    log:
        f"{LOGS}/equivariance_error/{{model}}.log",
    benchmark:
        f"{LOGS}/equivariance_error/{{model}}.tsv"
    conda:
        ENVIRONMENT
    threads: EXECUTION.threads
    resources:
        **asked(**network_job(EXECUTION, 480)),
    params:
        **STEPS["equivariance_error"].params,
    message:
        "Differentiating {wildcards.model}"
    shell:
        COMMAND


rule layerwise:
    input:
        unpack(STEPS["layerwise"].rule_inputs),
    output:
        **STEPS["layerwise"].rule_outputs,
    log:
        f"{LOGS}/layerwise/{{model}}.log",
    benchmark:
        f"{LOGS}/layerwise/{{model}}.tsv"
    conda:
        ENVIRONMENT
    threads: EXECUTION.threads
    resources:
        **asked(**network_job(EXECUTION, 480)),
    params:
        **STEPS["layerwise"].params,
    message:
        "Decomposing {wildcards.model}"
    shell:
        COMMAND
