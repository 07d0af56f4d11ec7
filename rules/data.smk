"""From images as they come to an index and memory-mapped shards."""

if "planted" in STEPS:

    rule planted:
        output:
            **STEPS["planted"].rule_outputs,
        log:
            f"{LOGS}/planted.log",
        benchmark:
            f"{LOGS}/planted.tsv"
        conda:
            ENVIRONMENT
        threads: 8
        resources:
            **asked(cpus_per_task=8, mem_mb=4000, runtime=60),
        params:
            **STEPS["planted"].params,
        message:
            "Generating images with planted factors"
        shell:
            COMMAND


rule index:
    input:
        unpack(STEPS["index"].rule_inputs),
    output:
        **STEPS["index"].rule_outputs,
    log:
        f"{LOGS}/index.log",
    benchmark:
        f"{LOGS}/index.tsv"
    conda:
        ENVIRONMENT
    threads: 16
    resources:
        **asked(cpus_per_task=16, mem_mb=8000, runtime=240),
    params:
        **STEPS["index"].params,
    message:
        "Looking at every image"
    shell:
        COMMAND


rule shards:
    input:
        unpack(STEPS["shards"].rule_inputs),
    output:
        **STEPS["shards"].rule_outputs,
    log:
        f"{LOGS}/shards/{{split}}-{{shard}}.log",
    benchmark:
        f"{LOGS}/shards/{{split}}-{{shard}}.tsv"
    conda:
        ENVIRONMENT
    threads: 8
    resources:
        **asked(cpus_per_task=8, mem_mb=8000, runtime=240),
    params:
        **STEPS["shards"].params,
    message:
        "Storing {wildcards.split} images, shard {wildcards.shard}"
    shell:
        COMMAND


rule annotations:
    input:
        unpack(STEPS["annotations"].rule_inputs),
    output:
        **STEPS["annotations"].rule_outputs,
    log:
        f"{LOGS}/annotations.log",
    benchmark:
        f"{LOGS}/annotations.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **STEPS["annotations"].params,
    message:
        "Reading what people say of the images"
    shell:
        COMMAND


rule wordnet:
    output:
        **STEPS["wordnet"].rule_outputs,
    log:
        f"{LOGS}/wordnet.log",
    benchmark:
        f"{LOGS}/wordnet.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        **STEPS["wordnet"].params,
    message:
        "Providing WordNet 3.0"
    shell:
        COMMAND


# The same for images that are only trained on.
if "training_planted" in STEPS:

    rule training_planted:
        output:
            **STEPS["training_planted"].rule_outputs,
        log:
            f"{LOGS}/training_planted/{{dataset}}.log",
        benchmark:
            f"{LOGS}/training_planted/{{dataset}}.tsv"
        wildcard_constraints:
            **STEPS["training_planted"].constraints,
        conda:
            ENVIRONMENT
        threads: 8
        resources:
            **asked(cpus_per_task=8, mem_mb=4000, runtime=60),
        params:
            **STEPS["training_planted"].params,
        message:
            "Generating the images of {wildcards.dataset}"
        shell:
            COMMAND


if "training_index" in STEPS:

    rule training_index:
        input:
            unpack(STEPS["training_index"].rule_inputs),
        output:
            **STEPS["training_index"].rule_outputs,
        log:
            f"{LOGS}/training_index/{{dataset}}.log",
        benchmark:
            f"{LOGS}/training_index/{{dataset}}.tsv"
        conda:
            ENVIRONMENT
        threads: 16
        resources:
            **asked(cpus_per_task=16, mem_mb=8000, runtime=240),
        params:
            **STEPS["training_index"].params,
        message:
            "Looking at every image of {wildcards.dataset}"
        shell:
            COMMAND

    rule training_shards:
        input:
            unpack(STEPS["training_shards"].rule_inputs),
        output:
            **STEPS["training_shards"].rule_outputs,
        log:
            f"{LOGS}/training_shards/{{dataset}}-{{split}}-{{shard}}.log",
        benchmark:
            f"{LOGS}/training_shards/{{dataset}}-{{split}}-{{shard}}.tsv"
        conda:
            ENVIRONMENT
        threads: 8
        resources:
            **asked(cpus_per_task=8, mem_mb=8000, runtime=240),
        params:
            **STEPS["training_shards"].params,
        message:
            "Storing {wildcards.split} images of {wildcards.dataset}, shard {wildcards.shard}"
        shell:
            COMMAND

    rule output_classes:
        input:
            unpack(STEPS["output_classes"].rule_inputs),
        output:
            **STEPS["output_classes"].rule_outputs,
        log:
            f"{LOGS}/output_classes/{{dataset}}.log",
        benchmark:
            f"{LOGS}/output_classes/{{dataset}}.tsv"
        localrule: True
        conda:
            ENVIRONMENT
        params:
            **STEPS["output_classes"].params,
        message:
            "Looking for the classes of {wildcards.dataset} among those of the study"
        shell:
            COMMAND
