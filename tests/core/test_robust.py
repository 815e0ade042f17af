"""Tukey's biweight against its formula, point by point."""

import pytest
import torch

from wan_vace.vace_core.robust import tukey_weight


def test_the_weight_falls_from_one_to_nothing_at_so_many_deviations():
    residual = torch.tensor([0, 0.5, -1, 2, 2.4, 100]).double()  # nothing counts from 0.5 * 4.685 = 2.3425 on
    weight = tukey_weight(residual, 0.5).tolist()
    assert weight[0] == 1 and weight[4:] == [0, 0]
    assert weight[1:4] == pytest.approx([(1 - (r / 2.3425) ** 2) ** 2 for r in (0.5, 1, 2)])


def test_a_mean_by_these_weights_ignores_what_is_something_else():
    values = torch.cat([torch.randn(900, generator=torch.Generator().manual_seed(0)), torch.full((300,), 40.0)])
    middle = values.median()
    for _ in range(10):
        weight = tukey_weight(values - middle, 1.0)
        middle = (weight @ values) / weight.sum()
    assert abs(middle) < 0.1 and values.mean() > 9
