"""One job per training: the points of each method's grid, then every method with every seed."""


rule train:
    input:
        train=LINEAGE.shards("train"),
        val=LINEAGE.shards("val"),
        choice=lambda w: LINEAGE.choice(w.method),
        class_transformations=lambda w: LINEAGE.class_transformations(w.method),
    output:
        weights=f"{RESULTS}/trainings/{{method}}/seed-{{seed}}/model.safetensors",
        card=f"{RESULTS}/trainings/{{method}}/seed-{{seed}}/model.json",
        history=f"{RESULTS}/trainings/{{method}}/seed-{{seed}}/history.parquet",
        predictions=f"{RESULTS}/trainings/{{method}}/seed-{{seed}}/predictions.parquet",
    log:
        f"{LOGS}/train/{{method}}-{{seed}}.log",
    benchmark:
        f"{LOGS}/train/{{method}}-{{seed}}.tsv"
    conda:
        ENVIRONMENT
    threads: EXECUTION.ranks * (EXECUTION.threads + EXECUTION.workers)
    resources:
        **LINEAGE.cluster_resources,
        mem_mb=each_attempt(8000 * EXECUTION.ranks),
        runtime=each_attempt(EXECUTION.training_hours * 60),
    params:
        train=lambda w, input: as_json(input.train),
        val=lambda w, input: as_json(input.val),
        architecture=STUDY.training.architecture,
        architecture_args=as_json(STUDY.training.architecture_args),
        augmentation=lambda w: LINEAGE.augmentation(w.method),
        augerino=lambda w: as_json(LINEAGE.bounds_learning(w.method)),
        recipe=as_json(STUDY.training.recipe),
        preprocessing=as_json(STUDY.preprocessing),
        choice=lambda w, input: input.choice or "null",
        class_transformations=lambda w, input: input.class_transformations or "null",
        probability=lambda w: LINEAGE.probability(w.method),
        seed=lambda w: int(w.seed),
        state=lambda w: LINEAGE.state(LINEAGE.training(w.method, int(w.seed)), w.method),
        stamp=lambda w: str(LINEAGE.training(w.method, int(w.seed))),
    message:
        "Training {wildcards.method}, seed {wildcards.seed}"
    shell:
        # Slurm's warning is for the training, which keeps its state and ends; the shells around it live on.
        f"trap '' TERM; OMP_NUM_THREADS={EXECUTION.threads} {LINEAGE.launcher} -m workflow_scripts.training.train"
        f" --device {EXECUTION.device} --workers {EXECUTION.workers}"
        f" --channels_last {EXECUTION.channels_last} --compile {EXECUTION.compile}"
        f" --checkpoint_minutes {EXECUTION.checkpoint_minutes}"
        f" --collective_timeout_minutes {EXECUTION.collective_timeout_minutes}"
        " --shards_train {params.train:q} --shards_val {params.val:q} --architecture {params.architecture:q}"
        " --architecture_args {params.architecture_args:q} --augmentation {params.augmentation:q}"
        " --recipe {params.recipe:q} --choice {params.choice:q} --preprocessing {params.preprocessing:q}"
        " --class_transformations {params.class_transformations:q} --probability {params.probability}"
        " --augerino {params.augerino:q}"
        ' --seed {params.seed} --state {params.state:q} --output "$(dirname {output.weights:q})"'
        " --stamp {params.stamp:q} > {log:q} 2>&1"


if STUDY.training.grid:

    use rule train as train_grid with:
        input:
            train=LINEAGE.shards("train"),
            val=LINEAGE.shards("val"),
            class_transformations=lambda w: LINEAGE.class_transformations(w.method),
        output:
            weights=f"{RESULTS}/trainings/{{method}}/grid/lr-{{rate}}_wd-{{decay}}/model.safetensors",
            card=f"{RESULTS}/trainings/{{method}}/grid/lr-{{rate}}_wd-{{decay}}/model.json",
            history=f"{RESULTS}/trainings/{{method}}/grid/lr-{{rate}}_wd-{{decay}}/history.parquet",
            predictions=f"{RESULTS}/trainings/{{method}}/grid/lr-{{rate}}_wd-{{decay}}/predictions.parquet",
        log:
            f"{LOGS}/train_grid/{{method}}-{{rate}}-{{decay}}.log",
        benchmark:
            f"{LOGS}/train_grid/{{method}}-{{rate}}-{{decay}}.tsv"
        params:
            recipe=lambda w: as_json(LINEAGE.recipe_at(float(w.rate), float(w.decay))),
            choice="null",
            seed=STUDY.training.grid.seed,
            state=lambda w: LINEAGE.state(
                LINEAGE.grid_training(w.method, float(w.rate), float(w.decay)),
                w.method,
            ),
            stamp=lambda w: str(
                LINEAGE.grid_training(w.method, float(w.rate), float(w.decay))
            ),
        message:
            "Training {wildcards.method} at learning rate {wildcards.rate}, weight decay {wildcards.decay}"

    rule select:
        input:
            lambda w: LINEAGE.grid_files(w.method, ["history.parquet"]),
        output:
            choice=f"{RESULTS}/trainings/{{method}}/choice.json",
            grid=f"{RESULTS}/trainings/{{method}}/grid.parquet",
        log:
            f"{LOGS}/select/{{method}}.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            runs=lambda w: as_json(LINEAGE.grid(w.method)),
            stamp=lambda w: str(LINEAGE.selection(w.method)),
        message:
            "Choosing learning rate and weight decay of {wildcards.method}"
        shell:
            "python -m workflow_scripts.training.select --method {wildcards.method} --runs {params.runs:q}"
            " --choice {output.choice:q} --grid {output.grid:q} --stamp {params.stamp:q} > {log:q} 2>&1"

    # The grid's run at the chosen point is the final run of its seed.
    rule adopt:
        input:
            choice=lambda w: LINEAGE.choice(w.method),
            runs=lambda w: LINEAGE.grid_files(w.method),
        output:
            weights=f"{RESULTS}/trainings/{{method}}/seed-{{seed}}/model.safetensors",
            card=f"{RESULTS}/trainings/{{method}}/seed-{{seed}}/model.json",
            history=f"{RESULTS}/trainings/{{method}}/seed-{{seed}}/history.parquet",
            predictions=f"{RESULTS}/trainings/{{method}}/seed-{{seed}}/predictions.parquet",
        log:
            f"{LOGS}/adopt/{{method}}-{{seed}}.log",
        wildcard_constraints:
            method=LINEAGE.adopted_methods,
            seed=str(STUDY.training.grid.seed),
        localrule: True
        conda:
            ENVIRONMENT
        params:
            runs=lambda w: as_json(LINEAGE.grid(w.method)),
            stamp=lambda w: str(LINEAGE.training(w.method, int(w.seed))),
        message:
            "Taking {wildcards.method}, seed {wildcards.seed}, from its grid"
        shell:
            "python -m workflow_scripts.training.adopt --choice {input.choice:q} --runs {params.runs:q}"
            ' --output "$(dirname {output.weights:q})" > {log:q} 2>&1'

    ruleorder: adopt > train


rule cost:
    log:
        f"{LOGS}/cost.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        counts=LINEAGE.training_counts,
        dataset=as_json(STUDY.dataset),
    message:
        "What the trainings of this study take"
    shell:
        "python -m workflow_scripts.training.cost {params.counts} --epochs "
        f"{STUDY.training.recipe.epochs} --images_per_second {EXECUTION.images_per_second}"
        f" --index {quote(RESULTS)}/data/index.parquet"
        " --dataset {params.dataset:q} 2>&1 | tee {log:q}"
