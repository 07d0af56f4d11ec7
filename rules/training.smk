"""One job per training: the points of each grid, then every architecture by every method with every seed."""


rule train:
    input:
        unpack(STEPS["train"].rule_inputs),
    output:
        **STEPS["train"].rule_outputs,
    log:
        f"{LOGS}/train/{{method}}-{{seed}}.log",
    benchmark:
        f"{LOGS}/train/{{method}}-{{seed}}.tsv"
    conda:
        ENVIRONMENT
    threads: EXECUTION.ranks * (EXECUTION.threads + EXECUTION.workers)
    resources:
        **asked(**training_job(EXECUTION)),
    params:
        **STEPS["train"].params,
    message:
        "Training {wildcards.method}, seed {wildcards.seed}"
    shell:
        COMMAND


if "train_grid" in STEPS:

    rule train_grid:
        input:
            unpack(STEPS["train_grid"].rule_inputs),
        output:
            **STEPS["train_grid"].rule_outputs,
        log:
            f"{LOGS}/train_grid/{{method}}-{{rate}}-{{decay}}.log",
        benchmark:
            f"{LOGS}/train_grid/{{method}}-{{rate}}-{{decay}}.tsv"
        conda:
            ENVIRONMENT
        threads: EXECUTION.ranks * (EXECUTION.threads + EXECUTION.workers)
        resources:
            **asked(**training_job(EXECUTION)),
        params:
            **STEPS["train_grid"].params,
        message:
            "Training {wildcards.method} at learning rate {wildcards.rate}, weight decay {wildcards.decay}"
        shell:
            COMMAND

    rule select:
        input:
            unpack(STEPS["select"].rule_inputs),
        output:
            **STEPS["select"].rule_outputs,
        log:
            f"{LOGS}/select/{{method}}.log",
        benchmark:
            f"{LOGS}/select/{{method}}.tsv"
        localrule: True
        conda:
            ENVIRONMENT
        params:
            **STEPS["select"].params,
        message:
            "Choosing learning rate and weight decay of {wildcards.method}"
        shell:
            COMMAND

    # The grid's run at the chosen point is the final run of its seed.
    rule reuse_grid_run:
        input:
            unpack(STEPS["reuse_grid_run"].rule_inputs),
        output:
            **STEPS["reuse_grid_run"].rule_outputs,
        log:
            f"{LOGS}/reuse_grid_run/{{method}}-{{seed}}.log",
        benchmark:
            f"{LOGS}/reuse_grid_run/{{method}}-{{seed}}.tsv"
        wildcard_constraints:
            **STEPS["reuse_grid_run"].constraints,
        localrule: True
        conda:
            ENVIRONMENT
        params:
            **STEPS["reuse_grid_run"].params,
        message:
            "Taking {wildcards.method}, seed {wildcards.seed}, from its grid"
        shell:
            COMMAND

    ruleorder: reuse_grid_run > train
