"""A step of Muon over the miniature's matrices: PyTorch's own, one after the other, against all of one shape at once.

The steps are the same but for rounding (tests/training/test_muon.py).
"""

import torch
from _timing import compare, header

from harness.host.inprocess import load_host
from harness.host.locations import pack_module

STEPS = 10


def main():
    load_host()
    muon, trainer = pack_module("training.muon"), pack_module("training.trainer")
    model = pack_module("miniature.networks").new_dit(with_adapter=True).requires_grad_(True)
    matrices = trainer.matrices_of(model)
    for matrix in matrices:
        matrix.grad = torch.randn_like(matrix)
    peer = torch.optim.Muon(matrices, lr=0.02, weight_decay=muon.DECAY)
    ours = muon.Muon(matrices, 0.02)

    def steps(optimizer):
        for _ in range(STEPS):
            optimizer.step()

    print(f"{len(matrices)} matrices, {STEPS} steps")
    for threads in (1, 2):
        torch.set_num_threads(threads)
        header("torch", "training")
        compare(f"torch.optim.Muon / ours, {threads} threads", lambda: steps(peer), lambda: steps(ours))


if __name__ == "__main__":
    main()
