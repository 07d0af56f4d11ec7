"""Lie derivatives; one job per model."""


rule equivariance_error:
    input:
        network=lambda w: LINEAGE.network_files(w.model),
        shards=LINEAGE.shards(STUDY.lie.split),
        val=LINEAGE.shards("val"),
        index=rules.index.output.index,
    output:
        about=f"{RESULTS}/lie/{{model}}.about.parquet",
        images=f"{RESULTS}/lie/{{model}}.images.parquet",
        discrete=f"{RESULTS}/lie/{{model}}.discrete.parquet",
        summary=f"{RESULTS}/lie/{{model}}.summary.parquet",
    log:
        f"{LOGS}/equivariance_error/{{model}}.log",
    benchmark:
        f"{LOGS}/equivariance_error/{{model}}.tsv"
    conda:
        ENVIRONMENT
    threads: EXECUTION.threads
    resources:
        gpu=1 if EXECUTION.device == "cuda" else 0,
        cpus_per_task=EXECUTION.threads + EXECUTION.workers,
        mem_mb=each_attempt(16000),
        runtime=each_attempt(480),
    params:
        network=lambda w: LINEAGE.network(w.model),
        shards=lambda w, input: as_json(input.shards),
        val=lambda w, input: as_json(input.val),
        head=lambda w: LINEAGE.head(w.model),
        family=lambda w: STUDY.models[w.model].family or "null",
        settings=as_json(LINEAGE.lie_settings),
        seed=STUDY.seed,
        stamp=lambda w: str(LINEAGE.equivariance_error(w.model)),
    message:
        "Differentiating {wildcards.model}"
    shell:
        f"OMP_NUM_THREADS={EXECUTION.threads} python -m workflow_scripts.lie.equivariance_error"
        f" --device {EXECUTION.device} --chunk {STUDY.lie.chunk} --batch {EXECUTION.embedding_batch}"
        f" --workers {EXECUTION.workers} --failing {EXECUTION.failing_models}"
        " --model {wildcards.model} --network {params.network:q} --head {params.head} --family {params.family:q}"
        " --shards {params.shards:q} --val {params.val:q} --index {input.index:q} --settings {params.settings:q}"
        " --seed {params.seed} --about {output.about:q} --images {output.images:q} --discrete {output.discrete:q}"
        " --summary {output.summary:q} --stamp {params.stamp:q} > {log:q} 2>&1"


rule layerwise:
    input:
        network=lambda w: LINEAGE.network_files(w.model),
        shards=LINEAGE.shards(STUDY.lie.split),
    output:
        layers=f"{RESULTS}/lie/{{model}}.layers.parquet",
        kinds=f"{RESULTS}/lie/{{model}}.kinds.parquet",
    log:
        f"{LOGS}/layerwise/{{model}}.log",
    benchmark:
        f"{LOGS}/layerwise/{{model}}.tsv"
    conda:
        ENVIRONMENT
    threads: EXECUTION.threads
    resources:
        gpu=1 if EXECUTION.device == "cuda" else 0,
        cpus_per_task=EXECUTION.threads + EXECUTION.workers,
        mem_mb=each_attempt(16000),
        runtime=each_attempt(480),
    params:
        network=lambda w: LINEAGE.network(w.model),
        shards=lambda w, input: as_json(input.shards),
        settings=as_json(LINEAGE.layerwise_settings),
        seed=STUDY.seed,
        stamp=lambda w: str(LINEAGE.layerwise(w.model)),
    message:
        "Decomposing {wildcards.model}"
    shell:
        f"OMP_NUM_THREADS={EXECUTION.threads} python -m workflow_scripts.lie.layerwise"
        f" --device {EXECUTION.device} --chunk {STUDY.lie.layerwise.chunk} --workers {EXECUTION.workers}"
        f" --failing {EXECUTION.failing_models}"
        " --model {wildcards.model} --network {params.network:q} --shards {params.shards:q}"
        " --settings {params.settings:q} --seed {params.seed} --layers {output.layers:q} --kinds {output.kinds:q}"
        " --stamp {params.stamp:q} > {log:q} 2>&1"
