"""Muon, all matrices of one shape at once, against PyTorch's own."""

import pytest
import torch

from wan_vace.training import muon

pytestmark = pytest.mark.usefixtures("gradients")

SHAPES = [(8, 8), (24, 8), (8, 8), (8, 24)]


def matrices():
    torch.manual_seed(4)
    return [torch.nn.Parameter(torch.randn(shape)) for shape in SHAPES]


def test_it_steps_as_pytorchs_own():
    ours, theirs = matrices(), matrices()
    steps = muon.Muon(ours, 0.02), torch.optim.Muon(theirs, lr=0.02, weight_decay=muon.DECAY)
    for seed in range(4):
        for place in (ours, theirs):
            generator = torch.Generator().manual_seed(seed)
            for weight in place:
                weight.grad = torch.randn(weight.shape, generator=generator)
        for optimizer in steps:
            optimizer.step()
    for start, one, other in zip(matrices(), ours, theirs, strict=True):
        moved = (other - start).detach().norm()
        assert float((one - other).detach().norm() / moved) < 0.02  # bfloat16 rounds in another order
        assert float(moved) > 0.1


def test_all_directions_become_about_equally_long():
    matrices = torch.randn(3, 16, 32, generator=torch.Generator().manual_seed(1))
    lengths = torch.linalg.svdvals(muon.orthogonal(matrices).float())
    assert float(lengths.min()) > 0.5 and float(lengths.max()) < 1.3


def test_a_matrix_without_gradient_stays():
    still, moved = matrices()[:2]
    moved.grad = torch.ones_like(moved)
    before = still.detach().clone()
    muon.Muon([still, moved], 0.1).step()
    assert torch.equal(still, before) and not torch.equal(moved, matrices()[1])
