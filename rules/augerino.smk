"""What trainings with learned bounds are worth. The trainings themselves are those of rule `train`."""


rule evaluate_augerino:
    input:
        weights=f"{RESULTS}/trainings/{{method}}/seed-{{seed}}/model.safetensors",
        card=f"{RESULTS}/trainings/{{method}}/seed-{{seed}}/model.json",
        history=f"{RESULTS}/trainings/{{method}}/seed-{{seed}}/history.parquet",
        shards=LINEAGE.shards("val"),
    output:
        f"{RESULTS}/augerino/{{method}}-{{seed}}.parquet",
    log:
        f"{LOGS}/evaluate_augerino/{{method}}-{{seed}}.log",
    conda:
        ENVIRONMENT
    threads: EXECUTION.threads
    resources:
        gpu=1 if EXECUTION.device == "cuda" else 0,
        cpus_per_task=EXECUTION.threads + EXECUTION.workers,
        mem_mb=each_attempt(16000),
        runtime=each_attempt(240),
    params:
        training=subpath(input.weights, parent=True),
        shards=lambda w, input: as_json(input.shards),
        augerino=lambda w: as_json(LINEAGE.bounds_learning(w.method)),
        test_seeds=lambda w: STUDY.augerino.test_seeds,
        stamp=lambda w: str(LINEAGE.evaluation(w.method, int(w.seed))),
    message:
        "Evaluating {wildcards.method}, seed {wildcards.seed}, with Augerino on and off"
    shell:
        f"OMP_NUM_THREADS={EXECUTION.threads} python -m workflow_scripts.augerino.evaluate_augerino"
        f" --device {EXECUTION.device} --batch {EXECUTION.embedding_batch} --workers {EXECUTION.workers}"
        " --training {params.training:q} --shards {params.shards:q} --augerino {params.augerino:q}"
        " --method {wildcards.method} --training_seed {wildcards.seed} --test_seeds {params.test_seeds}"
        " --output {output:q} --stamp {params.stamp:q} > {log:q} 2>&1"
