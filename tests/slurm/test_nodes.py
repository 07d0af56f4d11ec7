"""A training on two nodes."""

import re

import torch
from safetensors.torch import load_file

from tests.slurm.jobs import PROFILE, jobs, weights

# With statistics of the whole batch, the number of ranks changes a training by rounding only.
RECIPE = {"batch_norm": "synchronised", "batch_size": 8, "epochs": 2}


def test_two_nodes_are_two_ranks_that_meet(prepared):
    nodes = prepared("nodes", ["a"], RECIPE, nodes=2, ranks=1, gpus=1)
    nodes.snakemake(weights("a"), *PROFILE)
    (job,) = jobs(nodes)
    assert (job.state, job.starts) == ("COMPLETED", 1)
    log = (nodes.results() / "logs" / "train" / "a-0.log").read_text()
    started = re.findall(r"rank (\d) of (\d) on cpu: .* Slurm job (\d+), node (\w+),", log)
    assert sorted(rank for rank, *_ in started) == ["0", "1"]
    assert {(world, number) for _, world, number, _ in started} == {("2", job.number)}
    assert {node for *_, node in started} == {"g1", "g2"}

    node = prepared("node", ["a"], RECIPE, ranks=2)
    node.snakemake(weights("a"))
    assert (nodes.folder / weights("a")).read_bytes() == (node.folder / weights("a")).read_bytes()
    alone = prepared("alone", ["a"], RECIPE, ranks=1)
    alone.snakemake(weights("a"))
    many, one = load_file(nodes.folder / weights("a")), load_file(alone.folder / weights("a"))
    assert many.keys() == one.keys()
    for name in one:
        torch.testing.assert_close(many[name], one[name], atol=1e-5, rtol=1e-5)
