"""The end of the streamed encoder: the host's last convolution without the half that nobody reads."""

import pytest
import torch

from harness.host.locations import pack_module

pytestmark = pytest.mark.host
SIZES = [(2, 1, 1), (3, 2, 2), (21, 7, 9), (9, 30, 52), (21, 60, 104), (31, 90, 160)]  # of a clip's latents


@pytest.fixture
def encoder(host):
    return pack_module("nodes._host.conditioning.encoder")


@pytest.fixture
def network(new_vae):
    return new_vae().first_stage_model


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@torch.inference_mode()
def test_the_means_are_those_of_the_whole_convolution(encoder, network, dtype):
    network.to(dtype)
    for size in SIZES:
        given = torch.randn(1, 32, *size, generator=torch.Generator().manual_seed(0)).to(dtype)
        means = encoder.encode_mean(network, given)
        assert torch.equal(means, network.conv1(given)[:, :16]), size
        assert means.untyped_storage().nbytes() == means.nbytes


def hook(network):
    network.conv1.register_forward_hook(lambda _module, _given, out: out - out.mean(1, keepdim=True))


def hook_before(network):
    network.conv1.register_forward_pre_hook(lambda _module, given: (given[0] * 2,))


def weight_function(network):
    network.conv1.weight_function = [lambda weight: weight * torch.arange(32.0).view(32, 1, 1, 1, 1)]


def own_forward(network):
    forward = network.conv1.forward
    network.conv1.forward = lambda x: forward(x).roll(3, dims=1)


def own_convolution(network):
    convolve = network.conv1._conv_forward
    network.conv1._conv_forward = lambda *given, **more: convolve(*given, **more).flip(1)


def no_bias(network):
    network.conv1.bias = None


def another_layer(network):
    network.conv1 = torch.nn.Conv3d(32, 32, 1)


def weight_norm(network):
    torch.nn.utils.weight_norm(network.conv1, dim=None)
    network.conv1.weight_g.data *= 2


CHANGES = [hook, hook_before, weight_function, own_forward, own_convolution, no_bias, another_layer, weight_norm]


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize("change", CHANGES)
@torch.inference_mode()
def test_what_others_did_to_the_convolution_counts(encoder, network, change):
    given = torch.randn(1, 32, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    plain = encoder.encode_mean(network, given)
    change(network)
    means = encoder.encode_mean(network, given)
    assert torch.equal(means, network.conv1(given)[:, :16])
    assert not torch.equal(means, plain)


@pytest.mark.parametrize("halvings", [[False, True, False], [True, True, True]])
def test_an_encoder_that_halves_time_more_or_less_often_is_not_known(encoder, halvings):
    from comfy.ldm.wan.vae import WanVAE

    assert not encoder.is_known_encoder(WanVAE(dim=1, z_dim=16, temperal_downsample=halvings))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_frames_lie_in_memory_as_the_host_concatenates_them(encoder, layout):
    parts = [torch.randn(1, 32, 1, 3, 5).contiguous(memory_format=layout) for _ in range(3)]
    assert encoder._unfilled(parts[0], 3).stride() == torch.cat(parts, dim=2).stride()
