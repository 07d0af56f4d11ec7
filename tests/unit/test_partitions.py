"""What further tries of a job ask for, within what partitions allow."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snakemake_executor_plugin_slurm.partitions import Partition, PartitionLimits, read_partition_file

from workflow_scripts.common.provenance import ROOT
from workflow_scripts.workflow.partitions import amounts, fits

DAY = 24 * 60


def partition(name: str, **limits: float) -> Partition:
    return Partition(name=name, limits=PartitionLimits(**limits))


CPU = partition("cpu", max_runtime=DAY, max_mem_mb=64000)
LONG = partition("long", max_runtime=7 * DAY, max_mem_mb=20000)
GPU = partition("gpu", max_runtime=2 * DAY, max_mem_mb=500000, max_gpu=8)
TRAINING = {"mem_mb": 16000, "runtime": DAY, "cpus_per_task": 4}


def test_without_partitions_nothing_is_limited():
    assert [amounts(TRAINING, attempt, ())["runtime"] for attempt in (1, 2, 3)] == [DAY, 2 * DAY, 3 * DAY]


def test_a_job_that_asks_for_the_most_asks_for_the_same_again():
    first = TRAINING | {"mem_mb": 64000}
    for attempt in (2, 3):
        assert amounts(first, attempt, [CPU, GPU]) == {"mem_mb": 64000, "runtime": DAY}


def test_time_and_memory_come_from_one_partition():
    """Three times the time is only in one partition, and three times the memory only in the other."""
    assert amounts(TRAINING, 3, [CPU, LONG]) == {"mem_mb": 20000, "runtime": 3 * DAY}
    assert amounts(TRAINING | {"runtime": DAY // 2}, 3, [CPU, LONG]) == {"mem_mb": 48000, "runtime": DAY}


def test_a_job_stays_with_or_without_gpus():
    assert amounts(TRAINING, 2, [CPU, GPU]) == {"mem_mb": 32000, "runtime": DAY}
    assert amounts(TRAINING | {"gpu": 4}, 3, [CPU, GPU]) == {"mem_mb": 48000, "runtime": 2 * DAY}


def test_a_job_that_fits_nowhere_asks_for_no_more():
    assert amounts(TRAINING | {"gpu": 16}, 3, [CPU, GPU]) == {"mem_mb": 16000, "runtime": DAY}


@given(
    st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 500000), st.integers(0, 8)), min_size=1, max_size=4),
    st.integers(1, 5000),
    st.integers(1, 500000),
    st.integers(0, 8),
    st.integers(2, 5),
)
def test_what_fits_at_first_fits_at_every_try(limits, runtime, memory, gpus, attempt):
    some = [partition(str(n), max_runtime=t, max_mem_mb=m, max_gpu=g) for n, (t, m, g) in enumerate(limits)]
    first = {"mem_mb": memory, "runtime": runtime, "gpu": gpus, "cpus_per_task": 1}
    later = amounts(first, attempt, some)
    assert later["mem_mb"] >= memory
    assert later["runtime"] >= runtime
    homes = [one for one in some if fits(one, first)]
    assert not homes or any(fits(one, first | later) for one in homes)


@pytest.mark.parametrize("gpus", [0, 4])
def test_the_partitions_of_the_profile_are_read(gpus):
    some = read_partition_file(Path(ROOT / "slurm" / "partitions.yaml"))
    most = max(one.limits.max_runtime for one in some)
    assert amounts(TRAINING | {"gpu": gpus, "runtime": int(most) - 1}, 2, some)["runtime"] == most
