"""Where the object is in every image, and how large."""

if STUDY.foreground.method == "u2net":

    localrules:
        fetch_u2net,

    rule fetch_u2net:
        output:
            LINEAGE.u2net_files,
        log:
            f"{LOGS}/fetch_u2net.log",
        conda:
            ENVIRONMENT
        params:
            sha256=STUDY.foreground.sha256,
            stamp=str(LINEAGE.u2net()),
        message:
            "Fetching U2-Net"
        shell:
            f"python -m workflow_scripts.foreground.fetch_u2net --file {quote(LINEAGE.u2net_source)}"
            " --sha256 {params.sha256} --output {output:q} > {log:q} 2>&1"


rule foreground:
    input:
        shard=f"{RESULTS}/data/{STUDY.foreground.split}/shard-{{shard}}.arrow",
        network=LINEAGE.u2net_files,
    output:
        f"{RESULTS}/foreground/shard-{{shard}}.parquet",
    log:
        f"{LOGS}/foreground/{{shard}}.log",
    benchmark:
        f"{LOGS}/foreground/{{shard}}.tsv"
    conda:
        ENVIRONMENT
    threads: EXECUTION.threads
    resources:
        cpus_per_task=EXECUTION.threads,
        mem_mb=each_attempt(8000),
        runtime=each_attempt(480),
    params:
        method=STUDY.foreground.method,
        threshold=STUDY.foreground.threshold,
        network=lambda w, input: input.network or "null",
        stamp=str(LINEAGE.foreground()),
    message:
        "Finding the foregrounds of shard {wildcards.shard}"
    shell:
        f"OMP_NUM_THREADS=1 python -m workflow_scripts.foreground.foreground --threads {EXECUTION.threads}"
        " --shard {input.shard:q} --method {params.method} --threshold {params.threshold}"
        " --network {params.network:q} --output {output:q} --stamp {params.stamp:q} > {log:q} 2>&1"
