"""Embeddings of the images under every transformation of a bank."""


rule draw_pairs:
    input:
        unpack(STEPS["draw_pairs"].rule_inputs),
    output:
        **STEPS["draw_pairs"].rule_outputs,
    log:
        f"{LOGS}/draw_pairs.log",
    benchmark:
        f"{LOGS}/draw_pairs.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **STEPS["draw_pairs"].params,
    message:
        "Drawing pairs of images for invariance"
    shell:
        COMMAND


rule sweep:
    input:
        unpack(STEPS["sweep"].rule_inputs),
    output:
        **STEPS["sweep"].rule_outputs,
    log:
        f"{LOGS}/sweep/{{model}}-{{shard}}.log",
    benchmark:
        f"{LOGS}/sweep/{{model}}-{{shard}}.tsv"
    conda:
        ENVIRONMENT
    threads: EXECUTION.threads
    resources:
        **asked(**network_job(EXECUTION, 240)),
    params:
        **STEPS["sweep"].params,
    message:
        "Embedding shard {wildcards.shard} with {wildcards.model}"
    shell:
        COMMAND


rule draw_class_pairs:
    input:
        unpack(STEPS["draw_class_pairs"].rule_inputs),
    output:
        **STEPS["draw_class_pairs"].rule_outputs,
    log:
        f"{LOGS}/draw_class_pairs.log",
    benchmark:
        f"{LOGS}/draw_class_pairs.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **STEPS["draw_class_pairs"].params,
    message:
        "Drawing pairs of images of one class for the similarity search"
    shell:
        COMMAND


rule pair_sweep:
    input:
        unpack(STEPS["pair_sweep"].rule_inputs),
    output:
        **STEPS["pair_sweep"].rule_outputs,
    log:
        f"{LOGS}/pair_sweep/{{model}}-{{part}}.log",
    benchmark:
        f"{LOGS}/pair_sweep/{{model}}-{{part}}.tsv"
    conda:
        ENVIRONMENT
    threads: EXECUTION.threads
    resources:
        **asked(**network_job(EXECUTION, 240)),
    params:
        **STEPS["pair_sweep"].params,
    message:
        "Comparing pairs of classes, part {wildcards.part}, with {wildcards.model}"
    shell:
        COMMAND


if "show_banks" in STEPS:

    rule show_banks:
        input:
            unpack(STEPS["show_banks"].rule_inputs),
        output:
            **STEPS["show_banks"].rule_outputs,
        log:
            f"{LOGS}/show_banks.log",
        benchmark:
            f"{LOGS}/show_banks.tsv"
        localrule: True
        conda:
            ENVIRONMENT
        params:
            **STEPS["show_banks"].params,
        message:
            "Applying every transformation to one image"
        shell:
            COMMAND
