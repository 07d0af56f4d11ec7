"""Networks that are not trained here: published, from a checkpoint, or untrained."""


rule download_weights:
    output:
        **STEPS["download_weights"].rule_outputs,
    log:
        f"{LOGS}/download_weights/{{model}}.log",
    benchmark:
        f"{LOGS}/download_weights/{{model}}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **STEPS["download_weights"].params,
    message:
        "Fetching the published weights of {wildcards.model}"
    shell:
        COMMAND


rule build_model:
    input:
        unpack(STEPS["build_model"].rule_inputs),
    output:
        **STEPS["build_model"].rule_outputs,
    log:
        f"{LOGS}/build_model/{{model}}.log",
    benchmark:
        f"{LOGS}/build_model/{{model}}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **STEPS["build_model"].params,
    message:
        "Building {wildcards.model}"
    shell:
        COMMAND
