"""What is computed from embeddings; one job per model."""


rule invariance:
    input:
        embeddings=lambda w: LINEAGE.embeddings(w.model),
        pairs=rules.draw_pairs.output,
    output:
        per_pair=f"{RESULTS}/metrics/invariance/{{model}}.pairs.parquet",
        percentiles=f"{RESULTS}/metrics/invariance/{{model}}.percentiles.parquet",
        summary=f"{RESULTS}/metrics/invariance/{{model}}.summary.parquet",
    log:
        f"{LOGS}/invariance/{{model}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=each_attempt(8000),
        runtime=each_attempt(60),
    params:
        embeddings=lambda w, input: as_json(input.embeddings),
        stamp=lambda w: str(LINEAGE.invariance(w.model)),
    message:
        "Measuring the invariance of {wildcards.model}"
    shell:
        "python -m workflow_scripts.metrics.invariance --model {wildcards.model}"
        " --embeddings {params.embeddings:q} --pairs {input.pairs:q} --per_pair {output.per_pair:q}"
        " --percentiles {output.percentiles:q} --summary {output.summary:q}"
        " --stamp {params.stamp:q} > {log:q} 2>&1"


rule equivariance:
    input:
        lambda w: LINEAGE.embeddings(w.model),
    output:
        percentiles=f"{RESULTS}/metrics/equivariance/{{model}}.percentiles.parquet",
        summary=f"{RESULTS}/metrics/equivariance/{{model}}.summary.parquet",
    log:
        f"{LOGS}/equivariance/{{model}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=each_attempt(8000),
        runtime=each_attempt(60),
    params:
        embeddings=lambda w, input: as_json(list(input)),
        pairs=STUDY.equivariance.pairs,
        seed=STUDY.seed,
        stamp=lambda w: str(LINEAGE.equivariance(w.model)),
    message:
        "Measuring the equivariance of {wildcards.model}"
    shell:
        "python -m workflow_scripts.metrics.equivariance --model {wildcards.model}"
        " --embeddings {params.embeddings:q} --pairs {params.pairs} --seed {params.seed}"
        " --percentiles {output.percentiles:q} --summary {output.summary:q} --stamp {params.stamp:q} > {log:q} 2>&1"


rule similarity_search:
    input:
        sweeps=lambda w: LINEAGE.pair_sweeps(w.model),
        pairs=rules.draw_class_pairs.output,
    output:
        f"{RESULTS}/metrics/similarity_search/{{model}}.parquet",
    log:
        f"{LOGS}/similarity_search/{{model}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=each_attempt(8000),
        runtime=each_attempt(60),
    params:
        sweeps=lambda w, input: as_json(input.sweeps),
        bank=as_json(STUDY.banks.b),
        stamp=lambda w: str(LINEAGE.similarity_search(w.model)),
    message:
        "Summarising the similarity search with {wildcards.model}"
    shell:
        "python -m workflow_scripts.metrics.similarity_search --model {wildcards.model}"
        " --sweeps {params.sweeps:q} --pairs {input.pairs:q} --bank {params.bank:q} --output {output:q}"
        " --stamp {params.stamp:q} > {log:q} 2>&1"


rule wordnet_similarity:
    input:
        search=f"{RESULTS}/metrics/similarity_search/{{model}}.parquet",
        wordnet=rules.wordnet.output,
    output:
        f"{RESULTS}/metrics/wordnet_similarity/{{model}}.parquet",
    log:
        f"{LOGS}/wordnet_similarity/{{model}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=each_attempt(4000),
        runtime=each_attempt(60),
    params:
        settings=as_json(LINEAGE.wordnet_settings),
        seed=STUDY.seed,
        stamp=lambda w: str(LINEAGE.wordnet_similarity(w.model)),
    message:
        "Comparing classes in WordNet and by their transformations with {wildcards.model}"
    shell:
        "python -m workflow_scripts.metrics.wordnet_similarity --search {input.search:q} --wordnet {input.wordnet:q}"
        " --settings {params.settings:q} --seed {params.seed} --output {output:q} --stamp {params.stamp:q} > {log:q} 2>&1"


rule calibration:
    input:
        f"{RESULTS}/metrics/similarity_search/{{model}}.parquet",
    output:
        f"{RESULTS}/metrics/calibration/{{model}}.parquet",
    log:
        f"{LOGS}/calibration/{{model}}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        stamp=lambda w: str(LINEAGE.calibration(w.model)),
    message:
        "Looking for the planted factors with {wildcards.model}"
    shell:
        "python -m workflow_scripts.metrics.calibration --search {input:q} --output {output:q}"
        " --stamp {params.stamp:q} > {log:q} 2>&1"


rule best_per_class:
    input:
        lambda w: f"{RESULTS}/metrics/similarity_search/{STUDY.ranking_model(w.method)}.parquet",
    output:
        f"{RESULTS}/metrics/best_per_class/{{method}}.parquet",
    log:
        f"{LOGS}/best_per_class/{{method}}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        settings=lambda w: as_json(LINEAGE.class_ranking(w.method)),
        stamp=lambda w: str(LINEAGE.best_per_class(w.method)),
    message:
        "Choosing the transformations of each class for {wildcards.method}"
    shell:
        "python -m workflow_scripts.metrics.best_per_class --search {input:q} --settings {params.settings:q}"
        " --output {output:q} --stamp {params.stamp:q} > {log:q} 2>&1"


rule zoom_sweep:
    input:
        weights=f"{RESULTS}/trainings/{{method}}/seed-{{seed}}/model.safetensors",
        card=f"{RESULTS}/trainings/{{method}}/seed-{{seed}}/model.json",
        history=f"{RESULTS}/trainings/{{method}}/seed-{{seed}}/history.parquet",
        shards=LINEAGE.shards("val"),
    output:
        f"{RESULTS}/metrics/zoom_sweep/{{method}}-{{seed}}.parquet",
    log:
        f"{LOGS}/zoom_sweep/{{method}}-{{seed}}.log",
    conda:
        ENVIRONMENT
    threads: EXECUTION.threads
    resources:
        gpu=1 if EXECUTION.device == "cuda" else 0,
        cpus_per_task=EXECUTION.threads + EXECUTION.workers,
        mem_mb=each_attempt(16000),
        runtime=each_attempt(240),
    params:
        network=subpath(input.weights, parent=True),
        shards=lambda w, input: as_json(input.shards),
        points=STUDY.zoom_sweep.points,
        test_seeds=STUDY.zoom_sweep.test_seeds,
        stamp=lambda w: str(LINEAGE.zoom_sweep(w.method, int(w.seed))),
    message:
        "Evaluating {wildcards.method}, seed {wildcards.seed}, under zoom"
    shell:
        f"OMP_NUM_THREADS={EXECUTION.threads} python -m workflow_scripts.metrics.zoom_sweep"
        f" --device {EXECUTION.device} --batch {EXECUTION.embedding_batch} --workers {EXECUTION.workers}"
        " --network {params.network:q} --shards {params.shards:q} --method {wildcards.method}"
        " --training_seed {wildcards.seed} --points {params.points} --test_seeds {params.test_seeds}"
        " --output {output:q} --stamp {params.stamp:q} > {log:q} 2>&1"
