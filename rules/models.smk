"""Networks that are not trained here: published, from a checkpoint, or untrained."""


rule download_weights:
    output:
        f"{RESULTS}/weights/{{model}}.safetensors",
    log:
        f"{LOGS}/download_weights/{{model}}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        model=lambda w: as_json(LINEAGE.published(w.model)),
        stamp=lambda w: str(LINEAGE.downloaded(w.model)),
    message:
        "Fetching the published weights of {wildcards.model}"
    shell:
        f"python -m workflow_scripts.models.download_weights --folder {quote(LINEAGE.config.data)}/weights"
        f" --failing {EXECUTION.failing_models}"
        " --model {params.model:q} --output {output:q} > {log:q} 2>&1"


rule build_model:
    input:
        lambda w: LINEAGE.fetched_weights(w.model),
    output:
        weights=f"{RESULTS}/models/{{model}}/model.safetensors",
        card=f"{RESULTS}/models/{{model}}/model.json",
    log:
        f"{LOGS}/build_model/{{model}}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        model=lambda w: as_json(LINEAGE.model_settings(w.model)),
        preprocessing=as_json(STUDY.preprocessing),
        weights=lambda w: LINEAGE.weights(w.model) or "null",
        stamp=lambda w: str(LINEAGE.built(w.model)),
    message:
        "Building {wildcards.model}"
    shell:
        f"python -m workflow_scripts.models.build_model --failing {EXECUTION.failing_models}"
        " --model {params.model:q}"
        " --preprocessing {params.preprocessing:q} --weights {params.weights:q}"
        ' --output "$(dirname {output.weights:q})" > {log:q} 2>&1'
