"""RAFT: the original's names and arithmetic, written out again, against torchvision's; padding; batches."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from harness.inputs.motion import dense_flow
from wan_vace.annotators.flow.control import Flow
from wan_vace.annotators.flow.raft import AT_ONCE, Raft, edges, is_raft, raft_bytes, raft_network, torchvision_names
from wan_vace.annotators.protocol import silent
from wan_vace.vace_core.errors import VaceInputError

HIDDEN, RANGE, LEVELS = 128, 4, 4


class Block(nn.Module):
    """Residual block of the original encoders; ``norm3`` is the same layer as ``downsample.1``."""

    def __init__(self, before, after, stride, norm):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(before, after, 3, stride, 1), nn.Conv2d(after, after, 3, 1, 1)
        self.norm1, self.norm2 = norm(after), norm(after)
        self.downsample = None
        if stride > 1:
            self.norm3 = norm(after)
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride), self.norm3)

    def forward(self, x):
        """Of the same size, or half of it."""
        y = self.norm2(self.conv2(self.norm1(self.conv1(x)).relu())).relu()
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


class Encoder(nn.Module):
    """Features [t, 256, H / 8, W / 8]."""

    def __init__(self, norm):
        super().__init__()
        self.conv1, self.norm1, self.conv2 = nn.Conv2d(3, 64, 7, 2, 3), norm(64), nn.Conv2d(128, 256, 1)
        for i, (before, after, stride) in enumerate([(64, 64, 1), (64, 96, 2), (96, 128, 2)], 1):
            blocks = Block(before, after, stride, norm), Block(after, after, 1, norm)
            self.add_module(f"layer{i}", nn.Sequential(*blocks))

    def forward(self, x):
        """Of pixels [t, 3, H, W]."""
        return self.conv2(self.layer3(self.layer2(self.layer1(self.norm1(self.conv1(x)).relu()))))


def convs(**shapes):
    """Convolutions by name: channels in, channels out, kernel (rows, columns)."""
    return {n: nn.Conv2d(a, b, k, padding=(k[0] // 2, k[1] // 2)) for n, (a, b, k) in shapes.items()}


class Original(nn.Module):
    """RAFT under the names of princeton-vl/RAFT."""

    def __init__(self):
        super().__init__()
        self.fnet, self.cnet = Encoder(nn.InstanceNorm2d), Encoder(nn.BatchNorm2d)
        seen = LEVELS * (2 * RANGE + 1) ** 2
        gates = {f"conv{g}{i}": (3 * HIDDEN, HIDDEN, k) for i, k in ((1, (1, 5)), (2, (5, 1))) for g in "zrq"}
        parts = {
            "encoder": convs(
                convc1=(seen, 256, (1, 1)),
                convc2=(256, 192, (3, 3)),
                convf1=(2, 128, (7, 7)),
                convf2=(128, 64, (3, 3)),
                conv=(256, 126, (3, 3)),
            ),
            "gru": convs(**gates),
            "flow_head": convs(conv1=(HIDDEN, 256, (3, 3)), conv2=(256, 2, (3, 3))),
        }
        self.update_block = nn.ModuleDict({name: nn.ModuleDict(part) for name, part in parts.items()})
        self.update_block["mask"] = nn.Sequential(nn.Conv2d(HIDDEN, 256, 3, 1, 1), nn.ReLU(), nn.Conv2d(256, 576, 1))

    def forward(self, previous, following, iterations):
        """Motion [t, 2, H, W]."""
        one, other = self.fnet(previous), self.fnet(following)
        t, channels, h, w = one.shape
        tables = torch.einsum("tcij,tckl->tijkl", one, other).reshape(t * h * w, 1, h, w) / channels**0.5
        state, context = self.cnet(previous).split(HIDDEN, 1)
        state, context = state.tanh(), context.relu()
        start = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(h), indexing="xy")).float()
        flow = torch.zeros(t, 2, h, w)
        for _ in range(iterations):
            state = self.step(state, context, looked_up(tables, start + flow), flow)
            head = self.update_block["flow_head"]
            flow = flow + head["conv2"](head["conv1"](state).relu())
        weights = (self.update_block["mask"](state) / 4).reshape(t, 1, 9, 8, 8, h, w).softmax(2)
        around = F.unfold(8 * flow, 3, padding=1).reshape(t, 2, 9, 1, 1, h, w)
        return torch.einsum("tcnyxhw->tchywx", weights * around).reshape(t, 2, 8 * h, 8 * w)

    def step(self, state, context, seen, flow):
        """The state after one iteration."""
        part, gru = self.update_block["encoder"], self.update_block["gru"]
        seen = part["convc2"](part["convc1"](seen).relu()).relu()
        moved = part["convf2"](part["convf1"](flow).relu()).relu()
        known = torch.cat([context, part["conv"](torch.cat([seen, moved], 1)).relu(), flow], 1)
        for i in "12":
            z, r = (gru[f"conv{gate}{i}"](torch.cat([state, known], 1)).sigmoid() for gate in "zr")
            q = gru[f"convq{i}"](torch.cat([r * state, known], 1)).tanh()
            state = (1 - z) * state + z * q
        return state


def looked_up(tables, places):
    """Likeness of each place with those around where it has gone to, [t, 324, h, w]."""
    t, _, h, w = places.shape
    centres = places.permute(0, 2, 3, 1).reshape(t * h * w, 1, 1, 2)
    steps = torch.arange(-RANGE, RANGE + 1).float()
    around = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), -1)  # the first axis goes along x
    found = []
    for level in range(LEVELS):
        table = F.avg_pool2d(tables, 2**level) if level else tables
        size = torch.tensor(table.shape[:1:-1])
        grid = 2 * (centres / 2**level + around) / (size - 1) - 1
        found.append(F.grid_sample(table, grid, align_corners=True).reshape(t, h, w, -1))
    return torch.cat(found, -1).permute(0, 3, 1, 2)


@pytest.fixture(scope="module")
def original():
    torch.manual_seed(3)
    network = Original()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.2, 0.2), layer.running_var.uniform_(0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 1.5), nn.init.uniform_(layer.bias, -0.2, 0.2)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def network(original):
    """The same weights in torchvision's network."""
    network = raft_network().eval().requires_grad_(False)
    network.load_state_dict(torchvision_names(original.state_dict()), strict=True)
    return network


def finder(network, **options):
    return Raft(lambda: lambda a, b, n: network(a, b, num_flow_updates=n)[-1], ("raft.pth", 1, 2), **options)


def test_the_original_s_weights_move_alike_in_torchvision_s_network(original, network):
    previous, following = torch.rand(2, 2, 3, 128, 136) * 2 - 1
    expected = original(previous, following, 3)
    torch.testing.assert_close(network(previous, following, 3)[-1], expected, rtol=0, atol=1e-4)
    assert expected.abs().max() > 0.1


@pytest.mark.parametrize("prefix", ["", "module."])
def test_names_of_the_original_become_torchvision_s(original, prefix):
    named = torchvision_names({prefix + key: value for key, value in original.state_dict().items()})
    assert named.keys() == raft_network().state_dict().keys()
    assert torchvision_names(named) == named  # and those stay


@pytest.mark.parametrize(("height", "width"), [(1, 1), (128, 128), (129, 136), (240, 416), (97, 1001), (135, 130)])
def test_sides_are_padded_to_what_the_network_takes(height, width):
    left, right, top, bottom = edges(height, width)
    for before, after, side in ((left, right, width), (top, bottom, height)):
        assert (side + before + after) % 8 == 0 and side + before + after >= 128
        assert 0 <= after - before <= 1 and (before + after < 8 or side + before + after == 128)


def test_the_padding_is_cut_off_where_it_was_added():
    height, width = 131, 150

    def brightness(previous, following, iterations):
        assert previous.shape == following.shape == (2, 3, 136, 152) and iterations == 20
        return torch.stack([previous[:, 0], following[:, 2]], 1)

    frames = torch.rand(3, height, width, 3)
    flow = dense_flow(frames, Raft(lambda: brightness, ("raft.pth",)))
    torch.testing.assert_close(flow[..., 0], frames[:-1, ..., 0] * 2 - 1)
    torch.testing.assert_close(flow[..., 1], frames[1:, ..., 2] * 2 - 1)


def test_pairs_in_batches_move_as_pairs_alone(network):
    frames = torch.rand(4, 60, 70, 3)
    raft = finder(network, iterations=2)
    together = dense_flow(frames, raft)
    assert raft.pairs(60, 70) >= 3
    alone = torch.cat([dense_flow(frames[k : k + 2], raft) for k in range(3)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-4)
    assert Flow(raft)(frames, silent).shape == frames.shape


def test_large_frames_go_one_by_one():
    raft = Raft(lambda: None, ())
    assert [raft.pairs(*size) for size in ((64, 64), (480, 832), (1080, 1920))] == [16, 3, 1]
    assert 3 * raft_bytes(480, 832) <= AT_ONCE < 4 * raft_bytes(480, 832)


def test_weights_that_give_no_numbers_are_refused():
    broken = Raft(lambda: lambda a, b, n: a[:, :2] * torch.nan, ("raft.pth", 1, 2))
    with pytest.raises(
        VaceInputError, match=r"RAFT found motion that is no number; the weights of raft\.pth are damaged"
    ):
        dense_flow(torch.rand(2, 8, 8, 3), broken)


def test_only_raft_is_raft(network):
    assert is_raft(network) and not is_raft(nn.Identity()) and not is_raft(None)


def test_identities_tell_weights_and_iterations_apart():
    options = [(("a",), 20), (("b",), 20), (("a",), 12)]
    assert len({Raft(lambda: None, *each).identity for each in options}) == 3
