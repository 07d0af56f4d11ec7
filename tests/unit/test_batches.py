"""How the images of an epoch are shared out among batches and ranks."""

import pytest
import torch

from workflow_scripts.common.errors import InputError
from workflow_scripts.training.batches import Plan, PlannedBatches, make_plan
from workflow_scripts.training.ranks import Ranks


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_ranks_share_every_batch_and_resumption_skips_what_is_done(world):
    plan = Plan(images=103, batch=8, seed=1)
    parts = [list(PlannedBatches(plan, Ranks(rank, world, torch.device("cpu")), (0, 0), 3)) for rank in range(world)]
    batches = [[key for part in together for key in part] for together in zip(*parts, strict=True)]
    assert len(batches) == 3 * 12
    for epoch in range(3):
        keys = [key for batch in batches[12 * epoch : 12 * epoch + 12] for key in batch]
        assert keys == [(epoch, row) for row in plan.order(epoch).tolist()[:96]]
        assert len(set(keys)) == 96
    resumed = PlannedBatches(plan, Ranks(0, world, torch.device("cpu")), (1, 5), 3)
    assert list(resumed) == parts[0][12 + 5 :]
    assert len(resumed) == len(parts[0]) - 17
    assert plan.order(0).tolist() != plan.order(1).tolist()
    assert plan.order(0).tolist() != Plan(images=103, batch=8, seed=2).order(0).tolist()


def test_too_many_ranks_for_a_batch_is_one_sentence():
    assert make_plan(100, 6, 0, 3, local_batch_norm=True).steps == 16
    with pytest.raises(InputError, match="fewer ranks, or set batch_size to 8 or more"):
        make_plan(100, 6, 0, 4, local_batch_norm=True)
    assert make_plan(100, 6, 0, 6, local_batch_norm=False).batch == 6
