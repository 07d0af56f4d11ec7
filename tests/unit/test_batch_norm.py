"""Batch normalisation over all ranks, for one of which it is the usual one."""

import pytest
import torch
from torch import distributed
from torch.nn import functional

from workflow_scripts.training.batch_norm import SynchronisedBatchNorm


@pytest.fixture
def one_rank():
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.parametrize("momentum", [0.1, None])
def test_synchronised_batch_norm_is_batch_norm(one_rank, momentum):
    torch.manual_seed(0)
    plain = torch.nn.BatchNorm2d(5, momentum=momentum).double()
    torch.nn.init.normal_(plain.weight)
    torch.nn.init.normal_(plain.bias)
    ours = SynchronisedBatchNorm(torch.nn.BatchNorm2d(5, momentum=momentum).double())
    ours.load_state_dict(plain.state_dict())
    for _ in range(3):
        x = (torch.randn(4, 5, 3, 2, dtype=torch.float64) * 3 + 7).requires_grad_()
        target = torch.randn_like(x)
        gradients = []
        for layer in (plain, ours):
            layer.zero_grad()
            loss = functional.mse_loss(layer(x), target)
            gradients.append(torch.autograd.grad(loss, [x, layer.weight, layer.bias]))
        torch.testing.assert_close(gradients[1], gradients[0])
        for name, value in plain.state_dict().items():
            torch.testing.assert_close(ours.state_dict()[name], value)
    torch.testing.assert_close(ours.eval()(x), plain.eval()(x))
    assert ours.train()(x.detach().bfloat16()).dtype == torch.bfloat16
    assert torch.autograd.gradcheck(ours.train(), (x[:2].detach().requires_grad_(),))
