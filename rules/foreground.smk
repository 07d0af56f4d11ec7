"""Where the object is in every image, and how large."""

if "fetch_u2net" in STEPS:

    rule fetch_u2net:
        output:
            **STEPS["fetch_u2net"].rule_outputs,
        log:
            f"{LOGS}/fetch_u2net.log",
        benchmark:
            f"{LOGS}/fetch_u2net.tsv"
        localrule: True
        conda:
            ENVIRONMENT
        params:
            **STEPS["fetch_u2net"].params,
        message:
            "Fetching U2-Net"
        shell:
            COMMAND


rule foreground:
    input:
        unpack(STEPS["foreground"].rule_inputs),
    output:
        **STEPS["foreground"].rule_outputs,
    log:
        f"{LOGS}/foreground/{{shard}}.log",
    benchmark:
        f"{LOGS}/foreground/{{shard}}.tsv"
    conda:
        ENVIRONMENT
    threads: EXECUTION.threads
    resources:
        **asked(cpus_per_task=EXECUTION.threads, mem_mb=8000, runtime=480),
    params:
        **STEPS["foreground"].params,
    message:
        "Finding the foregrounds of shard {wildcards.shard}"
    shell:
        COMMAND
