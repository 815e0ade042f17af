"""Networks that see depth: the original layout against the original's architecture, and against controlnet-aux."""

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from wan_vace.annotators.depth import networks as nets

TINY = nets.DepthAnythingSize(24, 2, 5, (1, 2, 4, 5), (8, 12, 16, 20), 16)


def layer(name, out, *into):
    return {f"{name}.weight": (out, *into), f"{name}.bias": (out,)}


def original_shapes(size):
    """Names and shapes of a published ``depth_anything_v2_vit?.pth``."""
    channels, fusion = size.channels, size.fusion
    shapes = {
        "pretrained.cls_token": (1, 1, channels),
        "pretrained.pos_embed": (1, 37 * 37 + 1, channels),
        "pretrained.mask_token": (1, channels),
        **layer("pretrained.patch_embed.proj", channels, 3, 14, 14),
        **layer("pretrained.norm", channels),
    }
    for i in range(size.layers):
        block = f"pretrained.blocks.{i}"
        shapes |= layer(f"{block}.norm1", channels) | layer(f"{block}.norm2", channels)
        shapes |= layer(f"{block}.attn.qkv", 3 * channels, channels) | layer(f"{block}.attn.proj", channels, channels)
        shapes |= layer(f"{block}.mlp.fc1", 4 * channels, channels) | layer(f"{block}.mlp.fc2", channels, 4 * channels)
        shapes |= {f"{block}.ls1.gamma": (channels,), f"{block}.ls2.gamma": (channels,)}
    for i, neck in enumerate(size.neck):
        shapes |= layer(f"depth_head.projects.{i}", neck, channels, 1, 1)
        if i != 2:
            side = (4, 2, None, 3)[i]
            shapes |= layer(f"depth_head.resize_layers.{i}", neck, neck, side, side)
        shapes[f"depth_head.scratch.layer{i + 1}_rn.weight"] = (fusion, neck, 3, 3)
        fuse = f"depth_head.scratch.refinenet{i + 1}"
        shapes |= layer(f"{fuse}.out_conv", fusion, fusion, 1, 1)
        for unit in (1, 2):
            for convolution in (1, 2):
                shapes |= layer(f"{fuse}.resConfUnit{unit}.conv{convolution}", fusion, fusion, 3, 3)
    shapes |= layer("depth_head.scratch.output_conv1", fusion // 2, fusion, 3, 3)
    shapes |= layer("depth_head.scratch.output_conv2.0", 32, fusion // 2, 3, 3)
    return shapes | layer("depth_head.scratch.output_conv2.2", 1, 32, 1, 1)


def original_weights(size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in original_shapes(size).items():
        scale = 1 / max(np.prod(shape[1:]), 1) ** 0.5 if len(shape) in (2, 4) else 0.5
        weights[name] = scale * torch.randn(shape, generator=generator)
    weights["depth_head.scratch.output_conv2.2.bias"] += 1.5  # so that the last rectifier leaves something
    return weights


class Reference:
    """Depth Anything V2 as its paper and the original's names have it, from the weights alone."""

    def __init__(self, weights, size):
        self.w, self.size = weights, size

    def __call__(self, x):
        """[t, h, w] of prepared pixels."""
        return self._head(self._transformer(x), *(side // 14 for side in x.shape[2:]))

    def _conv(self, name, x, **options):
        return F.conv2d(x, self.w[f"{name}.weight"], self.w.get(f"{name}.bias"), **options)

    def _linear(self, name, x):
        return F.linear(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    def _norm(self, name, x):
        return F.layer_norm(x, x.shape[-1:], self.w[f"{name}.weight"], self.w[f"{name}.bias"], eps=1e-6)

    def _attention(self, name, x):
        B, N, C = x.shape
        heads = self.size.heads
        q, k, v = self._linear(f"{name}.qkv", x).reshape(B, N, 3, heads, C // heads).permute(2, 0, 3, 1, 4)
        scores = (q @ k.mT * (C // heads) ** -0.5).softmax(-1)
        return self._linear(f"{name}.proj", (scores @ v).transpose(1, 2).reshape(B, N, C))

    def _positions(self, rows, columns):
        known = self.w["pretrained.pos_embed"]
        if (rows, columns) == (37, 37):
            return known
        grid = known[:, 1:].reshape(1, 37, 37, -1).permute(0, 3, 1, 2)
        grid = F.interpolate(grid, scale_factor=((rows + 0.1) / 37, (columns + 0.1) / 37), mode="bicubic")
        return torch.cat([known[:, :1], grid.flatten(2).mT], 1)

    def _transformer(self, x):
        """What its chosen layers see, a picture [t, channels, rows, columns] each."""
        tokens = self._conv("pretrained.patch_embed.proj", x, stride=14)
        rows, columns = tokens.shape[2:]
        x = torch.cat([self.w["pretrained.cls_token"].expand(len(x), -1, -1), tokens.flatten(2).mT], 1)
        x, seen = x + self._positions(rows, columns), []
        for i in range(self.size.layers):
            block = f"pretrained.blocks.{i}"
            x = x + self.w[f"{block}.ls1.gamma"] * self._attention(f"{block}.attn", self._norm(f"{block}.norm1", x))
            hidden = F.gelu(self._linear(f"{block}.mlp.fc1", self._norm(f"{block}.norm2", x)))
            x = x + self.w[f"{block}.ls2.gamma"] * self._linear(f"{block}.mlp.fc2", hidden)
            if i + 1 in self.size.seen:
                seen.append(self._norm("pretrained.norm", x)[:, 1:].mT.unflatten(2, (rows, columns)))
        return seen

    def _resized(self, i, x):
        name = f"depth_head.resize_layers.{i}"
        if i < 2:
            return F.conv_transpose2d(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"], stride=(4, 2)[i])
        return x if i == 2 else self._conv(name, x, stride=2, padding=1)

    def _unit(self, name, x):
        return x + self._conv(f"{name}.conv2", F.relu(self._conv(f"{name}.conv1", F.relu(x), padding=1)), padding=1)

    def _head(self, seen, rows, columns):
        layers = [self._resized(i, self._conv(f"depth_head.projects.{i}", x)) for i, x in enumerate(seen)]
        layers = [self._conv(f"depth_head.scratch.layer{i + 1}_rn", x, padding=1) for i, x in enumerate(layers)]
        path = None
        for i in (3, 2, 1, 0):
            fuse = f"depth_head.scratch.refinenet{i + 1}"
            path = layers[3] if path is None else path + self._unit(f"{fuse}.resConfUnit1", layers[i])
            path = self._unit(f"{fuse}.resConfUnit2", path)
            path = self._grown(path, layers[i - 1].shape[2:] if i else [2 * side for side in path.shape[2:]])
            path = self._conv(f"{fuse}.out_conv", path)
        path = self._conv("depth_head.scratch.output_conv1", path, padding=1)
        path = self._grown(path, (14 * rows, 14 * columns))
        path = F.relu(self._conv("depth_head.scratch.output_conv2.0", path, padding=1))
        return F.relu(self._conv("depth_head.scratch.output_conv2.2", path))[:, 0]

    def _grown(self, x, shape):
        return F.interpolate(x, tuple(shape), mode="bilinear", align_corners=True)


def loaded(recipe, weights):
    network = recipe.make()
    network.load_state_dict(recipe.weights(weights), strict=True)
    return recipe.wrap(network.eval().requires_grad_(False))


@pytest.mark.parametrize("size", [nets.SMALL, nets.BASE, nets.LARGE], ids=["small", "base", "large"])
def test_every_published_tensor_has_its_place(size):
    network = nets.depth_anything_network(size, "meta")
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    with torch.device("meta"):
        published = {key: torch.empty(shape) for key, shape in original_shapes(size).items()}
    renamed = nets.depth_anything_weights(published, wanted)
    assert {key: tuple(value.shape) for key, value in renamed.items()} == wanted
    assert not list(network.named_buffers()), "they would stay empty"


def test_published_sizes_have_the_published_number_of_parameters():
    counts = [sum(np.prod(s) for s in original_shapes(z).values()) / 1e6 for z in (nets.SMALL, nets.BASE, nets.LARGE)]
    assert [round(count, 1) for count in counts] == [24.8, 97.5, 335.3]


@pytest.mark.parametrize("side", [(518, 518), (518, 560), (532, 518)])
def test_the_network_is_the_original_at_every_size(side):
    weights, recipe = original_weights(TINY), nets.depth_anything(TINY, 1)
    pixels = torch.randn(2, 3, *side, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        ours, expected = loaded(recipe, weights)(pixels), Reference(weights, TINY)(pixels)
    assert ours.shape == (2, *side) and expected.std() > 0.05
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


def test_older_names_of_transformers_are_found_too():
    weights = {"pretrained.blocks.0.attn.qkv.weight": torch.arange(12.0).reshape(6, 2)}
    names = [f"backbone.encoder.layer.0.attention.attention.{part}.weight" for part in ("query", "key", "value")]
    renamed = nets.depth_anything_weights(weights, names)
    assert list(renamed) == names and torch.equal(torch.cat(list(renamed.values())), torch.arange(12.0).reshape(6, 2))


def test_pixels_are_prepared_as_in_the_original():
    picture = np.random.default_rng(0).integers(0, 256, (120, 208, 3), dtype=np.uint8)
    height, width = nets.depth_anything_size(120, 208)
    assert (height, width) == (518, 896)
    resized = cv2.resize(picture / 255.0, (width, height), interpolation=cv2.INTER_CUBIC)
    expected = (resized - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    pixels = torch.from_numpy(picture).float()[None].movedim(-1, 1) / 255
    prepared = nets.depth_anything_pixels(pixels, (height, width))[0].movedim(0, -1)
    torch.testing.assert_close(prepared, torch.from_numpy(expected).float(), rtol=0, atol=3e-4)


@pytest.mark.parametrize(
    ("frame", "anything", "midas"),
    [
        ((480, 832), (518, 896), (512, 832)),
        ((1080, 1920), (518, 924), (1024, 1792)),
        ((720, 480), (784, 518), (704, 512)),
        ((33, 47), (518, 742), (64, 64)),
    ],
)
def test_sizes_that_networks_work_in(frame, anything, midas):
    assert nets.depth_anything_size(*frame) == anything and nets.midas_size(*frame) == midas


@pytest.fixture(scope="module")
def midas():
    """controlnet-aux's network with random weights whose answer is not all cut off."""
    torch.manual_seed(5)
    network = nets.midas_network("cpu").eval().requires_grad_(False)
    network.scratch.output_conv[4].bias.fill_(2.0)
    network.scratch.output_conv[4].weight.mul_(30)
    return network


def test_midas_draws_what_controlnet_aux_draws(midas):
    from controlnet_aux import MidasDetector
    from controlnet_aux.midas.api import MiDaSInference

    from wan_vace.annotators.depth.control import OFFICIAL, depth_control

    inference = MiDaSInference.__new__(MiDaSInference)  # its own constructor wants a file
    torch.nn.Module.__init__(inference)
    inference.model = midas
    picture = cv2.resize(np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8), (128, 64))
    published = MidasDetector(inference)(picture, detect_resolution=64, image_resolution=64)
    recipe = nets.midas(1)
    pixels = torch.from_numpy(picture).float()[None].movedim(-1, 1) / 255
    with torch.inference_mode():
        maps = recipe.maps(recipe.wrap(midas), pixels)
    drawn = depth_control(maps, OFFICIAL, False)[0] * 255
    assert published.std() > 10 and (drawn - torch.from_numpy(published)).abs().max() <= 1.01


def test_midas_takes_several_frames_of_any_size_and_keeps_none(midas):
    recipe, frames = nets.midas(1), torch.rand(2, 3, 65, 101)
    network = recipe.wrap(midas)
    with torch.inference_mode():
        together = recipe.maps(network, frames)
        alone = torch.cat([recipe.maps(network, frame[None]) for frame in frames])
    assert together.shape == (2, 65, 101) and together.std() > 0
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-4)
    assert not midas.pretrained.activations


def test_midas_s_file_gives_the_whole_network(midas):
    recipe = nets.midas(1)
    pixels = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        again = loaded(recipe, midas.state_dict())(pixels)
        assert torch.equal(again, recipe.wrap(midas)(pixels)) and again.std() > 0
    assert not list(midas.named_buffers()), "they would stay empty"
