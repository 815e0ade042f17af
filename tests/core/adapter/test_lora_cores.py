"""Tucker products in a plain form, against convolutions one after the other and LyCORIS's own products."""

import torch
import torch.nn.functional as F

from wan_vace.vace_core.adapter import without_cores

KERNEL, RANK = (1, 2, 2), 3
ROWS, CHANNELS = 8, 6


def draw(*shape):
    return torch.rand(shape, dtype=torch.float64) - 0.5


def test_locon_of_tucker_is_three_convolutions_one_after_the_other():
    """As LyCORIS computes it without making the weight, modules/locon.py, ``lora_up(lora_mid(lora_down(x)))``."""
    video, point = draw(1, CHANNELS, 3, 8, 8), (1, 1, 1)
    down, core, up = draw(RANK, CHANNELS, *point), draw(RANK, RANK, *KERNEL), draw(ROWS, RANK, *point)
    expected = F.conv3d(F.conv3d(F.conv3d(video, down), core, stride=KERNEL), up)
    parts = without_cores({"lora_up.weight": up, "lora_down.weight": down, "lora_mid.weight": core, "alpha": draw()})
    assert set(parts) == {"lora_up.weight", "lora_down.weight", "alpha"} and len(parts["lora_down.weight"]) == RANK
    change = parts["lora_up.weight"].flatten(1).float() @ parts["lora_down.weight"]
    weight = change.reshape(ROWS, CHANNELS, *KERNEL).double()
    torch.testing.assert_close(F.conv3d(video, weight, stride=KERNEL), expected, rtol=0, atol=1e-5)


def test_lokr_with_a_kernel_is_the_kronecker_product_of_every_place_of_the_kernel():
    one, two = draw(2, 3), draw(4, 2, *KERNEL)
    places = [torch.kron(one, two[:, :, 0, y, x]) for y in range(2) for x in range(2)]
    expected = torch.stack(places, -1).reshape(ROWS, CHANNELS, *KERNEL)
    parts = without_cores({"lokr_w1": one, "lokr_w2": two})
    assert torch.equal(torch.kron(parts["lokr_w1"], parts["lokr_w2"]).reshape(expected.shape), expected)


def test_parts_without_a_kernel_stay_as_they_are():
    parts = {"lokr_w1": draw(2, 2), "lokr_w2": draw(2, 2), "alpha": draw(), "dora_scale": draw(4, 1)}
    assert all(torch.equal(tensor, parts[ending]) for ending, tensor in without_cores(parts).items())
