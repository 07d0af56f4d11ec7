"""Rule `cost`: what every rule of a study takes, before anybody spends it.

Needs neither an index nor images where the sizes of the data set are known.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import atomic
from workflow_scripts.data.sizes import Sizes
from workflow_scripts.models.code import read_code
from workflow_scripts.steps.estimates import (
    Estimate,
    estimates,
    folder_of,
    measured_rates,
    rates_for,
    remember,
    sizes_of,
    this_machine,
)
from workflow_scripts.steps.models import code_of_model
from workflow_scripts.steps.networks import networks
from workflow_scripts.steps.start import start
from workflow_scripts.study.config import Config
from workflow_scripts.workflow.jobs import measured
from workflow_scripts.workflow.progress import HOUR, duration
from workflow_scripts.workflow.sources import ABSENT
from workflow_scripts.workflow.work import Effort, Rates
from workflow_scripts.workflow.workspace import Workspace

GIGABYTE = 1e9


def cost(*, configuration: Config, snakefile: str) -> None:
    """Print jobs, GPU hours, CPU hours and disk of every rule that the study's report needs; write them as CSV, too.

    Rates are those that `calibrate` has measured, else stated ones. Beside them stands what jobs that have run took, by
    their benchmarks. Raises `InputError` where nobody can know how many images there are.
    """
    workspace, _ = start(configuration.model_dump(), snakefile)
    found, known = sizes_of(workspace), measured_rates(workspace)
    efforts, unknown = efforts_of(workspace, known)
    rates = rates_for(workspace, known)
    every = estimates(workspace, rates, found, efforts)
    table = pd.DataFrame(rows(workspace, every))
    path = folder_of(workspace) / "cost.csv"
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False)
    remember(workspace, every)
    print(shown(table))
    for line in [*remarks(workspace, table, every, found, rates), *unknown]:
        print(line)
    print(f"The same as a table: {path}")


def efforts_of(workspace: Workspace, known: Rates | None) -> tuple[dict[str, Effort], list[str]]:
    """What the networks of the study take; and of those that cannot be built here, a line each."""
    found: dict[str, Effort] = dict(known.efforts) if known else {}
    unknown = []
    for name, model in networks(workspace).items():
        if name in found:
            continue
        # Torch, where it is needed.
        from workflow_scripts.models.effort import taken

        code = code_of_model(workspace, model)
        try:
            texts = {} if code.fingerprint == ABSENT else read_code(Path(code.path))
            took = taken(model, workspace.study.preprocessing, texts)
        except InputError as error:
            unknown.append(f"{name} counts as a ResNet-18, since it cannot be built here: {error}")
            continue
        found[name] = Effort(
            flops=took.flops, parameters=took.parameters, embedding=took.embedding, crop=took.card.crop
        )
    return found, unknown


def rows(workspace: Workspace, every: list[Estimate]) -> Iterator[dict[str, object]]:
    """One row per rule, in the order in which they run, and one for all."""
    groups: dict[str, list[Estimate]] = defaultdict(list)
    for one in every:
        groups[one.job.step.name].append(one)
    for name, group in [*groups.items(), ("all", every)]:
        yield {"rule": name, **_row(workspace, group)}


def _row(workspace: Workspace, group: list[Estimate]) -> dict[str, object]:
    done = [(one, took) for one in group if (took := measured(workspace.logs, one.job.name))]
    disk = sum(one.work.written for one in group)
    return {
        "jobs": len(group),
        "gpu_hours": sum(one.gpu_seconds for one in group) / HOUR,
        "cpu_hours": sum(one.processor_seconds for one in group) / HOUR,
        "hours_of_a_job": sum(one.seconds for one in group) / len(group) / HOUR,
        "gigabytes": disk / GIGABYTE,
        "gigabytes_at_the_peak": (disk + sum(one.work.temporary for one in group)) / GIGABYTE,
        "jobs_measured": len(done),
        "measured_cpu_hours": sum(took.processor_seconds for _, took in done) / HOUR,
        "estimated_cpu_hours_of_measured": sum(one.processor_seconds for one, _ in done) / HOUR,
    }


def shown(table: pd.DataFrame) -> str:
    """The table for the screen; columns without any number in them are left out."""
    columns = {
        "rule": "rule",
        "jobs": "jobs",
        "gpu_hours": "GPU h",
        "cpu_hours": "CPU h",
        "hours_of_a_job": "a job takes",
        "gigabytes": "disk, GB",
        "jobs_measured": "have run",
        "measured_cpu_hours": "CPU h they took",
        "estimated_cpu_hours_of_measured": "estimate of these",
    }
    kept = [name for name in columns if name in ("rule", "jobs") or table[name].any()]
    texts = pd.DataFrame({columns[name]: [_text(name, value) for value in table[name]] for name in kept})
    return texts.to_string(index=False)


def _text(column: str, value: object) -> str:
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    if column == "hours_of_a_job":
        return duration(value * HOUR)
    return f"{value:,.1f}" if value >= 10 else f"{value:.2g}"


def remarks(
    workspace: Workspace, table: pd.DataFrame, every: list[Estimate], found: Sizes, rates: Rates
) -> Iterator[str]:
    """What the table rests on, in sentences."""
    whole = table.iloc[-1]
    trainings = [one for one in every if one.work.learn]
    if trainings:
        epochs = sum(sum(one.work.learn.values()) / max(1, found.images["train"]) for one in trainings)
        print_images = f"{found.images['train']:,} images x {epochs:,.0f} epochs in all"
        yield f"{len(trainings)} trainings: {print_images}."
    images = ", ".join(f"{count:,} in {split}" for split, count in found.images.items())
    yield f"Images: {images}, {found.classes:,} classes, {found.bytes / 1000:,.0f} kB each; from {found.source}."
    yield (
        f"Disk: {whole['gigabytes']:,.1f} GB at the end, {whole['gigabytes_at_the_peak']:,.1f} GB at the peak, if all "
        "trainings keep their checkpoints at once."
    )
    yield _about_rates(workspace, rates)
    if whole["jobs_measured"]:
        ratio = whole["estimated_cpu_hours_of_measured"] / max(whole["measured_cpu_hours"], 1e-9)
        yield f"Of jobs that have run, the estimate is {ratio:.2f} times what their benchmarks say."


def _about_rates(workspace: Workspace, rates: Rates) -> str:
    command = f"snakemake calibrate --config study={workspace.config.study}"
    where = "a GPU" if rates.device == "cuda" else f"{rates.threads} threads of a processor"
    if not rates.machine:
        return f"Rates of {where} are stated, and were not measured here; '{command}' measures this machine."
    elsewhere = "" if rates.machine == this_machine() else f", which is not this machine ({this_machine()})"
    some = " Those of networks are stated, since that machine has no such device." if not rates.forward else ""
    return f"Rates of {where} were measured on {rates.machine}{elsewhere}.{some}"


if __name__ == "__main__":
    run(cost)
