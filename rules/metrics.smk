"""What is computed from embeddings and of trainings; one job per model or training."""


rule invariance:
    input:
        unpack(STEPS["invariance"].rule_inputs),
    output:
        **STEPS["invariance"].rule_outputs,
    log:
        f"{LOGS}/invariance/{{model}}.log",
    benchmark:
        f"{LOGS}/invariance/{{model}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        **asked(mem_mb=8000, runtime=60),
    params:
        **STEPS["invariance"].params,
    message:
        "Measuring the invariance of {wildcards.model}"
    shell:
        COMMAND


rule answer:
    input:
        unpack(STEPS["answer"].rule_inputs),
    output:
        **STEPS["answer"].rule_outputs,
    log:
        f"{LOGS}/answer.log",
    benchmark:
        f"{LOGS}/answer.tsv"
    conda:
        ENVIRONMENT
    resources:
        **asked(mem_mb=8000, runtime=60),
    params:
        **STEPS["answer"].params,
    message:
        "Telling architecture, data and augmentation apart"
    shell:
        COMMAND


rule answer_errors:
    input:
        unpack(STEPS["answer_errors"].rule_inputs),
    output:
        **STEPS["answer_errors"].rule_outputs,
    log:
        f"{LOGS}/answer_errors.log",
    benchmark:
        f"{LOGS}/answer_errors.tsv"
    conda:
        ENVIRONMENT
    resources:
        **asked(mem_mb=8000, runtime=60),
    params:
        **STEPS["answer_errors"].params,
    message:
        "Telling architecture, data and augmentation apart by equivariance errors"
    shell:
        COMMAND


if "intervention" in STEPS:

    rule intervention:
        input:
            unpack(STEPS["intervention"].rule_inputs),
        output:
            **STEPS["intervention"].rule_outputs,
        log:
            f"{LOGS}/intervention.log",
        benchmark:
            f"{LOGS}/intervention.tsv"
        conda:
            ENVIRONMENT
        resources:
            **asked(mem_mb=8000, runtime=60),
        params:
            **STEPS["intervention"].params,
        message:
            "Comparing classes with and without each factor in their training images"
        shell:
            COMMAND


rule equivariance:
    input:
        unpack(STEPS["equivariance"].rule_inputs),
    output:
        **STEPS["equivariance"].rule_outputs,
    log:
        f"{LOGS}/equivariance/{{model}}.log",
    benchmark:
        f"{LOGS}/equivariance/{{model}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        **asked(mem_mb=8000, runtime=60),
    params:
        **STEPS["equivariance"].params,
    message:
        "Measuring the equivariance of {wildcards.model}"
    shell:
        COMMAND


rule similarity_search:
    input:
        unpack(STEPS["similarity_search"].rule_inputs),
    output:
        **STEPS["similarity_search"].rule_outputs,
    log:
        f"{LOGS}/similarity_search/{{model}}.log",
    benchmark:
        f"{LOGS}/similarity_search/{{model}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        **asked(mem_mb=8000, runtime=60),
    params:
        **STEPS["similarity_search"].params,
    message:
        "Summarising the similarity search with {wildcards.model}"
    shell:
        COMMAND


if "closure" in STEPS:

    rule closure:
        input:
            unpack(STEPS["closure"].rule_inputs),
        output:
            **STEPS["closure"].rule_outputs,
        log:
            f"{LOGS}/closure/{{model}}.log",
        benchmark:
            f"{LOGS}/closure/{{model}}.tsv"
        conda:
            ENVIRONMENT
        resources:
            **asked(mem_mb=16000, runtime=60),
        params:
            **STEPS["closure"].params,
        message:
            "Comparing what classes vary by with {wildcards.model}"
        shell:
            COMMAND


rule wordnet_similarity:
    input:
        unpack(STEPS["wordnet_similarity"].rule_inputs),
    output:
        **STEPS["wordnet_similarity"].rule_outputs,
    log:
        f"{LOGS}/wordnet_similarity/{{model}}.log",
    benchmark:
        f"{LOGS}/wordnet_similarity/{{model}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        **asked(mem_mb=4000, runtime=60),
    params:
        **STEPS["wordnet_similarity"].params,
    message:
        "Comparing classes in WordNet and by their transformations with {wildcards.model}"
    shell:
        COMMAND


rule people:
    input:
        unpack(STEPS["people"].rule_inputs),
    output:
        **STEPS["people"].rule_outputs,
    log:
        f"{LOGS}/people/{{model}}.log",
    benchmark:
        f"{LOGS}/people/{{model}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        **asked(mem_mb=8000, runtime=60),
    params:
        **STEPS["people"].params,
    message:
        "Comparing what {wildcards.model} finds with what people see"
    shell:
        COMMAND


rule calibration:
    input:
        unpack(STEPS["calibration"].rule_inputs),
    output:
        **STEPS["calibration"].rule_outputs,
    log:
        f"{LOGS}/calibration/{{model}}.log",
    benchmark:
        f"{LOGS}/calibration/{{model}}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **STEPS["calibration"].params,
    message:
        "Looking for the planted factors with {wildcards.model}"
    shell:
        COMMAND


rule best_per_class:
    input:
        unpack(STEPS["best_per_class"].rule_inputs),
    output:
        **STEPS["best_per_class"].rule_outputs,
    log:
        f"{LOGS}/best_per_class/{{method}}.log",
    benchmark:
        f"{LOGS}/best_per_class/{{method}}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **STEPS["best_per_class"].params,
    message:
        "Choosing the transformations of each class for {wildcards.method}"
    shell:
        COMMAND


rule zoom_sweep:
    input:
        unpack(STEPS["zoom_sweep"].rule_inputs),
    output:
        **STEPS["zoom_sweep"].rule_outputs,
    log:
        f"{LOGS}/zoom_sweep/{{method}}-{{seed}}.log",
    benchmark:
        f"{LOGS}/zoom_sweep/{{method}}-{{seed}}.tsv"
    conda:
        ENVIRONMENT
    threads: EXECUTION.threads
    resources:
        **asked(**network_job(EXECUTION, 240)),
    params:
        **STEPS["zoom_sweep"].params,
    message:
        "Evaluating {wildcards.method}, seed {wildcards.seed}, under zoom"
    shell:
        COMMAND


rule evaluate_augerino:
    input:
        unpack(STEPS["evaluate_augerino"].rule_inputs),
    output:
        **STEPS["evaluate_augerino"].rule_outputs,
    log:
        f"{LOGS}/evaluate_augerino/{{method}}-{{seed}}.log",
    benchmark:
        f"{LOGS}/evaluate_augerino/{{method}}-{{seed}}.tsv"
    conda:
        ENVIRONMENT
    threads: EXECUTION.threads
    resources:
        **asked(**network_job(EXECUTION, 240)),
    params:
        **STEPS["evaluate_augerino"].params,
    message:
        "Evaluating {wildcards.method}, seed {wildcards.seed}, with Augerino on and off"
    shell:
        COMMAND
