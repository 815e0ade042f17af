"""Muon for many small matrices: all of one shape at once.

It is kept beside ``torch.optim.Muon``, which takes one matrix after the other: for the miniature's matrices that costs
1.38 times as much (1.35 to 1.42) on one thread and 1.78 times (1.66 to 1.95) on two (benchmarks/results/muon_step.md),
and its rounding is another, so that the recorded training would not come out again.
"""

import torch
from torch import Tensor

MOMENTUM, DECAY = 0.95, 0.01
TURNS, COEFFICIENTS = 5, (3.4445, -4.7750, 2.0315)  # of Newton and Schulz's iteration, as Muon's authors chose them
SMALLEST = 1e-7


class Muon(torch.optim.Optimizer):
    """Steps along the momentum with all its directions made equally long.

    Args:
        matrices: Parameters of two dimensions.
        rate: The learning rate; times the root of rows by columns where there are more rows.
    """

    def __init__(self, matrices: list[Tensor], rate: float) -> None:
        super().__init__(matrices, {"lr": rate})

    @torch.no_grad()
    def step(self) -> None:
        """Change every matrix by its gradient."""
        for group in self.param_groups:
            for matrices in _by_shape(group["params"]):
                momenta = [self._momentum(matrix) for matrix in matrices]
                gradients = [matrix.grad for matrix in matrices]
                torch._foreach_lerp_(momenta, gradients, 1 - MOMENTUM)
                ahead = torch._foreach_lerp(gradients, momenta, MOMENTUM)
                self._move(matrices, orthogonal(torch.stack(ahead)), group["lr"])

    def _momentum(self, matrix: Tensor) -> Tensor:
        state = self.state[matrix]
        if not state:
            state["momentum"] = torch.zeros_like(matrix)
        return state["momentum"]

    def _move(self, matrices: list[Tensor], ways: Tensor, rate: float) -> None:
        rows, columns = ways.shape[1:]
        torch._foreach_mul_(matrices, 1 - rate * DECAY)
        torch._foreach_add_(matrices, list(ways.to(matrices[0])), alpha=-rate * max(1, rows / columns) ** 0.5)


def _by_shape(matrices: list[Tensor]) -> list[list[Tensor]]:
    found: dict[torch.Size, list[Tensor]] = {}
    for matrix in matrices:
        if matrix.grad is not None:
            found.setdefault(matrix.shape, []).append(matrix)
    return list(found.values())


def orthogonal(matrices: Tensor) -> Tensor:
    """[N, rows, columns], bfloat16: each matrix with singular values of about 1, by Newton and Schulz's iteration."""
    first, second, third = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.transpose(1, 2) if tall else matrices).bfloat16()
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=SMALLEST)
    for _ in range(TURNS):
        square = x @ x.transpose(1, 2)
        change = torch.baddbmm(square, square, square, beta=second, alpha=third)
        x = torch.baddbmm(x, change, x, beta=first)
    return x.transpose(1, 2) if tall else x
