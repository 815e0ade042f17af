"""U2Net against its published names and shapes, and a second forward written out from the paper."""

import pytest
import torch
import torch.nn.functional as F

from wan_vace.annotators.subject.u2net import U2Net


@pytest.fixture(scope="module")
def network():
    """U2Net with random weights and statistics."""
    torch.manual_seed(5)
    network = U2Net().eval()
    for name, value in network.state_dict().items():
        if name.endswith("running_mean"):
            value.normal_(0, 0.1)
        elif name.endswith("running_var"):
            value.uniform_(0.5, 2)
    return network


STAGES = {  # name: resolutions, channels in, within, out, as in the paper's figure 5 and its published code
    "stage1": (7, 3, 32, 64), "stage2": (6, 64, 32, 128), "stage3": (5, 128, 64, 256), "stage4": (4, 256, 128, 512),
    "stage5": (0, 512, 256, 512), "stage6": (0, 512, 256, 512), "stage5d": (0, 1024, 256, 512),
    "stage4d": (4, 1024, 128, 256), "stage3d": (5, 512, 64, 128), "stage2d": (6, 256, 32, 64),
    "stage1d": (7, 128, 16, 64),
}  # fmt: skip


def test_names_and_shapes_are_the_published_ones(network):
    shapes = {}

    def step(name, into, out):
        shapes[f"{name}.conv_s1.weight"], shapes[f"{name}.conv_s1.bias"] = (out, into, 3, 3), (out,)
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.bn_s1.{part}"] = (out,)
        shapes[f"{name}.bn_s1.num_batches_tracked"] = ()

    for name, (depth, into, middle, out) in STAGES.items():
        step(f"{name}.rebnconvin", into, out)
        for k in range(1, (depth or 4) + 1):
            step(f"{name}.rebnconv{k}", out if k == 1 else middle, middle)
        for k in range(1, depth or 4):
            step(f"{name}.rebnconv{k}d", 2 * middle, out if k == 1 else middle)
    for k, width in enumerate((64, 64, 128, 256, 512, 512), start=1):
        shapes[f"side{k}.weight"], shapes[f"side{k}.bias"] = (1, width, 3, 3), (1,)
    shapes |= {"outconv.weight": (1, 6, 1, 1), "outconv.bias": (1,)}
    assert {key: tuple(value.shape) for key, value in network.state_dict().items()} == shapes
    assert sum(p.numel() for p in network.parameters()) == 44_009_869


def second_forward(weights, x):
    """U2Net written out from the paper, with plain functions and weights by name."""

    def step(name, x, dilation):
        w = {key: weights[f"{name}.{key}"] for key in ("conv_s1.weight", "conv_s1.bias", "bn_s1.weight", "bn_s1.bias")}
        mean, var = weights[f"{name}.bn_s1.running_mean"], weights[f"{name}.bn_s1.running_var"]
        x = F.conv2d(x, w["conv_s1.weight"], w["conv_s1.bias"], padding=dilation, dilation=dilation)
        x = (x - mean[:, None, None]) / (var[:, None, None] + 1e-5).sqrt()
        return (x * w["bn_s1.weight"][:, None, None] + w["bn_s1.bias"][:, None, None]).clamp(min=0)

    def up(x, like):
        return x if x.shape[2:] == like.shape[2:] else F.interpolate(x, size=like.shape[2:], mode="bilinear")

    def pool(x):
        return F.max_pool2d(x, 2, 2, ceil_mode=True)

    def rsu(name, depth, x):
        entered = step(f"{name}.rebnconvin", x, 1)
        encoded = [step(f"{name}.rebnconv1", entered, 1)]
        for k in range(2, depth):
            encoded.append(step(f"{name}.rebnconv{k}", pool(encoded[-1]), 1))
        x = step(f"{name}.rebnconv{depth}", encoded[-1], 2)
        for k in range(depth - 1, 0, -1):
            x = step(f"{name}.rebnconv{k}d", torch.cat((up(x, encoded[k - 1]), encoded[k - 1]), 1), 1)
        return x + entered

    def flat(name, x):
        entered = step(f"{name}.rebnconvin", x, 1)
        one = step(f"{name}.rebnconv1", entered, 1)
        two = step(f"{name}.rebnconv2", one, 2)
        three = step(f"{name}.rebnconv3", two, 4)
        four = step(f"{name}.rebnconv4", three, 8)
        x = step(f"{name}.rebnconv3d", torch.cat((four, three), 1), 4)
        x = step(f"{name}.rebnconv2d", torch.cat((x, two), 1), 2)
        return step(f"{name}.rebnconv1d", torch.cat((x, one), 1), 1) + entered

    one = rsu("stage1", 7, x)
    two = rsu("stage2", 6, pool(one))
    three = rsu("stage3", 5, pool(two))
    four = rsu("stage4", 4, pool(three))
    five = flat("stage5", pool(four))
    six = flat("stage6", pool(five))
    five_up = flat("stage5d", torch.cat((up(six, five), five), 1))
    four_up = rsu("stage4d", 4, torch.cat((up(five_up, four), four), 1))
    three_up = rsu("stage3d", 5, torch.cat((up(four_up, three), three), 1))
    two_up = rsu("stage2d", 6, torch.cat((up(three_up, two), two), 1))
    sides = rsu("stage1d", 7, torch.cat((up(two_up, one), one), 1)), two_up, three_up, four_up, five_up, six
    maps = [
        F.conv2d(s, weights[f"side{k}.weight"], weights[f"side{k}.bias"], padding=1) for k, s in enumerate(sides, 1)
    ]
    joint = F.conv2d(torch.cat([up(m, maps[0]) for m in maps], 1), weights["outconv.weight"], weights["outconv.bias"])
    return 1 / (1 + (-joint).exp())


@pytest.mark.parametrize("size", [(64, 96), (75, 53)])
def test_u2net_equals_a_second_forward(network, size):
    pixels = torch.randn(2, 3, *size)
    with torch.inference_mode():
        ours, other = network(pixels), second_forward(network.state_dict(), pixels)
    assert ours.shape == (2, 1, *size) and ours.std() > 1e-4
    torch.testing.assert_close(ours, other, rtol=0, atol=1e-4)
