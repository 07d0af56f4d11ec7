"""From images as they come to an index and memory-mapped shards."""

if STUDY.dataset.kind == "planted":

    rule planted:
        output:
            directory(LINEAGE.source),
        log:
            f"{LOGS}/planted.log",
        conda:
            ENVIRONMENT
        threads: 8
        resources:
            cpus_per_task=8,
            mem_mb=each_attempt(4000),
            runtime=each_attempt(60),
        params:
            dataset=as_json(LINEAGE.generator),
            seed=STUDY.seed,
            stamp=str(LINEAGE.planted()),
        message:
            "Generating images with planted factors"
        shell:
            "python -m workflow_scripts.data.planted --dataset {params.dataset:q} --seed {params.seed}"
            " --output {output:q} --workers {threads} --stamp {params.stamp:q} > {log:q} 2>&1"


rule index:
    input:
        rules.planted.output if STUDY.dataset.kind == "planted" else [],
    output:
        index=f"{RESULTS}/data/index.parquet",
        rejected=f"{RESULTS}/data/rejected.parquet",
    log:
        f"{LOGS}/index.log",
    conda:
        ENVIRONMENT
    threads: 16
    resources:
        cpus_per_task=16,
        mem_mb=each_attempt(8000),
        runtime=each_attempt(240),
    params:
        dataset=as_json(LINEAGE.index_settings),
        seed=STUDY.seed,
        stamp=str(LINEAGE.index()),
    message:
        f"Looking at every image in {LINEAGE.source}"
    shell:
        f"python -m workflow_scripts.data.index --root {quote(LINEAGE.source)}"
        " --dataset {params.dataset:q} --seed {params.seed} --index {output.index:q}"
        " --rejected {output.rejected:q} --workers {threads} --stamp {params.stamp:q} > {log:q} 2>&1"


rule shards:
    input:
        rules.index.output.index,
    output:
        f"{RESULTS}/data/{{split}}/shard-{{shard}}.arrow",
    log:
        f"{LOGS}/shards/{{split}}-{{shard}}.log",
    conda:
        ENVIRONMENT
    threads: 8
    resources:
        cpus_per_task=8,
        mem_mb=each_attempt(8000),
        runtime=each_attempt(240),
    params:
        storage=as_json(LINEAGE.storage),
        stamp=lambda w: str(LINEAGE.shard(w.split)),
    message:
        "Storing {wildcards.split} images, shard {wildcards.shard}"
    shell:
        f"python -m workflow_scripts.data.shards --root {quote(LINEAGE.source)}"
        " --storage {params.storage:q} --index {input:q} --split {wildcards.split} --shard {wildcards.shard}"
        " --output {output:q} --workers {threads} --stamp {params.stamp:q} > {log:q} 2>&1"


rule wordnet:
    output:
        directory(f"{RESULTS}/data/wordnet"),
    log:
        f"{LOGS}/wordnet.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        stamp=str(LINEAGE.wordnet()),
    message:
        "Providing WordNet 3.0"
    shell:
        f"python -m workflow_scripts.data.wordnet --folder {quote(LINEAGE.config.data)}/wordnet"
        " --output {output:q} > {log:q} 2>&1"
