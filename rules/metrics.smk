"""What is computed from embeddings and of trainings; one job per model or training.

These rules differ in what stands here: where the log of a job lies, with the wildcards after the rule's name, what the
job asks of a cluster (nothing where it runs beside Snakemake), and what it is doing.
"""

MEASURING = {"mem_mb": 8000, "runtime": 60}
NETWORK = network_job(EXECUTION, 240)

for PLACE, ASKED, DOING in (
    ("invariance/{model}", MEASURING, "Measuring the invariance of {wildcards.model}"),
    ("answer", MEASURING, "Telling architecture, data and augmentation apart"),
    (
        "answer_errors",
        MEASURING,
        "Telling architecture, data and augmentation apart by equivariance errors",
    ),
    (
        "answer_equivariance",
        MEASURING,
        "Telling architecture, data and augmentation apart by the equivariance of embeddings",
    ),
    (
        "intervention",
        MEASURING,
        "Comparing classes with and without each factor in their training images",
    ),
    (
        "equivariance/{model}",
        MEASURING,
        "Measuring the equivariance of {wildcards.model}",
    ),
    (
        "similarity_search/{model}",
        MEASURING,
        "Summarising the similarity search with {wildcards.model}",
    ),
    (
        "closure/{model}",
        {"mem_mb": 16000, "runtime": 60},
        "Comparing what classes vary by with {wildcards.model}",
    ),
    (
        "wordnet_similarity/{model}",
        {"mem_mb": 4000, "runtime": 60},
        "Comparing classes in WordNet and by their transformations with {wildcards.model}",
    ),
    (
        "people/{model}",
        MEASURING,
        "Comparing what {wildcards.model} finds with what people see",
    ),
    (
        "calibration/{model}",
        None,
        "Looking for the planted factors with {wildcards.model}",
    ),
    (
        "best_per_class/{method}",
        None,
        "Choosing the transformations of each class for {wildcards.method}",
    ),
    (
        "zoom_sweep/{method}-{seed}",
        NETWORK,
        "Evaluating {wildcards.method}, seed {wildcards.seed}, under zoom",
    ),
    (
        "evaluate_augerino/{method}-{seed}",
        NETWORK,
        "Evaluating {wildcards.method}, seed {wildcards.seed}, with Augerino on and off",
    ),
    ("extremes", MEASURING, "Choosing the images behind the invariances"),
):
    NAME = PLACE.partition("/")[0]
    if NAME not in STEPS:
        continue

    rule:
        name:
            NAME
        input:
            unpack(STEPS[NAME].rule_inputs),
        output:
            **STEPS[NAME].rule_outputs,
        log:
            f"{LOGS}/{PLACE}.log",
        benchmark:
            f"{LOGS}/{PLACE}.tsv"
        localrule: ASKED is None
        conda:
            ENVIRONMENT
        threads: EXECUTION.threads if ASKED is NETWORK else 1
        resources:
            **(asked(**ASKED) if ASKED else {}),
        params:
            **STEPS[NAME].params,
        message:
            DOING
        shell:
            COMMAND
