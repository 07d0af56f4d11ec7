"""Embeddings of the images under every transformation of a bank."""


rule draw_pairs:
    input:
        rules.index.output.index,
    output:
        f"{RESULTS}/embeddings/pairs.parquet",
    log:
        f"{LOGS}/draw_pairs.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        split=STUDY.invariance.split,
        pairs=STUDY.invariance.pairs,
        seed=STUDY.seed,
        stamp=str(LINEAGE.pairs()),
    message:
        "Drawing {params.pairs} pairs of {params.split} images"
    shell:
        "python -m workflow_scripts.embeddings.draw_pairs --index {input:q} --split {params.split}"
        " --pairs {params.pairs} --seed {params.seed} --output {output:q} --stamp {params.stamp:q} > {log:q} 2>&1"


rule sweep:
    input:
        network=lambda w: LINEAGE.network_files(w.model),
        shard=f"{RESULTS}/data/{STUDY.invariance.split}/shard-{{shard}}.arrow",
        pairs=rules.draw_pairs.output,
    output:
        directory(f"{RESULTS}/embeddings/{{model}}/bank_a/shard-{{shard}}"),
    log:
        f"{LOGS}/sweep/{{model}}-{{shard}}.log",
    benchmark:
        f"{LOGS}/sweep/{{model}}-{{shard}}.tsv"
    conda:
        ENVIRONMENT
    threads: EXECUTION.threads
    resources:
        gpu=1 if EXECUTION.device == "cuda" else 0,
        cpus_per_task=EXECUTION.threads + EXECUTION.workers,
        mem_mb=each_attempt(16000),
        runtime=each_attempt(240),
    params:
        network=lambda w: LINEAGE.network(w.model),
        bank=as_json(STUDY.banks.a),
        seed=STUDY.seed,
        stamp=lambda w: str(LINEAGE.sweep(w.model)),
    message:
        "Embedding shard {wildcards.shard} with {wildcards.model}"
    shell:
        f"OMP_NUM_THREADS={EXECUTION.threads} python -m workflow_scripts.embeddings.sweep"
        f" --device {EXECUTION.device} --batch {EXECUTION.embedding_batch}"
        f" --workers {EXECUTION.workers} --failing {EXECUTION.failing_models} --store {quote(RESULTS)}/store"
        " --model {params.network:q} --shard {input.shard:q} --pairs {input.pairs:q} --bank {params.bank:q}"
        " --seed {params.seed} --output {output:q} --stamp {params.stamp:q} > {log:q} 2>&1"


rule draw_class_pairs:
    input:
        rules.index.output.index,
    output:
        f"{RESULTS}/embeddings/class_pairs.parquet",
    log:
        f"{LOGS}/draw_class_pairs.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        split=STUDY.similarity_search.split,
        pairs_per_class=STUDY.similarity_search.pairs_per_class,
        seed=STUDY.seed,
        stamp=str(LINEAGE.class_pairs()),
    message:
        "Drawing at most {params.pairs_per_class} pairs of {params.split} images per class"
    shell:
        "python -m workflow_scripts.embeddings.draw_class_pairs --index {input:q} --split {params.split}"
        " --pairs_per_class {params.pairs_per_class} --seed {params.seed} --output {output:q}"
        " --stamp {params.stamp:q} > {log:q} 2>&1"


# A class's images can lie in any shard: all are mapped, and only the bytes of its own are read.
rule pair_sweep:
    input:
        network=lambda w: LINEAGE.network_files(w.model),
        shards=LINEAGE.shards(STUDY.similarity_search.split),
        pairs=rules.draw_class_pairs.output,
    output:
        f"{RESULTS}/embeddings/{{model}}/bank_b/classes-{{shard}}.parquet",
    log:
        f"{LOGS}/pair_sweep/{{model}}-{{shard}}.log",
    benchmark:
        f"{LOGS}/pair_sweep/{{model}}-{{shard}}.tsv"
    conda:
        ENVIRONMENT
    threads: EXECUTION.threads
    resources:
        gpu=1 if EXECUTION.device == "cuda" else 0,
        cpus_per_task=EXECUTION.threads + EXECUTION.workers,
        mem_mb=each_attempt(16000),
        runtime=each_attempt(240),
    params:
        network=lambda w: LINEAGE.network(w.model),
        shards=lambda w, input: as_json(input.shards),
        bank=as_json(STUDY.banks.b),
        class_shards=STUDY.similarity_search.class_shards,
        seed=STUDY.seed,
        stamp=lambda w: str(LINEAGE.pair_sweep(w.model)),
    message:
        "Comparing pairs of classes, shard {wildcards.shard}, with {wildcards.model}"
    shell:
        f"OMP_NUM_THREADS={EXECUTION.threads} python -m workflow_scripts.embeddings.pair_sweep"
        f" --device {EXECUTION.device} --batch {EXECUTION.embedding_batch}"
        f" --workers {EXECUTION.workers} --store {quote(RESULTS)}/store"
        " --model {params.network:q} --shards {params.shards:q} --pairs {input.pairs:q} --bank {params.bank:q}"
        " --class_shard {wildcards.shard} --class_shards {params.class_shards}"
        " --seed {params.seed} --output {output:q} --stamp {params.stamp:q} > {log:q} 2>&1"


if STUDY.figures.figure_a2:

    rule show_banks:
        input:
            LINEAGE.shards(STUDY.figures.figure_a2.split),
        output:
            f"{RESULTS}/embeddings/bank_examples.parquet",
        log:
            f"{LOGS}/show_banks.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            shards=lambda w, input: as_json(list(input)),
            image=STUDY.figures.figure_a2.image,
            bank_a=as_json(STUDY.banks.a),
            operations=as_json(STUDY.banks.b.operations),
            preprocessing=as_json(STUDY.preprocessing),
            stamp=str(LINEAGE.bank_examples()),
        message:
            "Applying every transformation to one image"
        shell:
            "python -m workflow_scripts.embeddings.show_banks --shards {params.shards:q} --image {params.image}"
            " --bank_a {params.bank_a:q} --operations {params.operations:q}"
            " --preprocessing {params.preprocessing:q}"
            " --output {output:q} --stamp {params.stamp:q} > {log:q} 2>&1"
