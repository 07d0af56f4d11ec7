"""One rule per figure and table that the study asks for and has everything for, from the catalogue."""

for entry in results.available(WORKSPACE, STUDY):

    rule:
        name:
            entry.name
        input:
            unpack(STEPS[entry.name].rule_inputs),
        output:
            output=[
                (
                    report(
                        file,
                        caption=f"report/{entry.name}.rst",
                        category=entry.category,
                        labels=entry.labels(ending),
                    )
                    if entry.shown(ending)
                    else file
                )
                for file, ending in zip(entry.files(WORKSPACE).files, entry.endings)
            ],
        log:
            f"{LOGS}/{entry.name}.log",
        benchmark:
            f"{LOGS}/{entry.name}.tsv"
        localrule: True
        conda:
            ENVIRONMENT
        params:
            **STEPS[entry.name].params,
        message:
            f"Making {entry.name}: {entry.summary}"
        shell:
            COMMAND
