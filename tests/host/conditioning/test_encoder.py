"""The end of the streamed encoder: the host's last convolution without the half that nobody reads."""

import pytest
import torch

from harness.host.locations import pack_module

pytestmark = [
    pytest.mark.host,
    pytest.mark.since("0.27.0", reason="before, clips are encoded by the host's own encoder, which is not known"),
]
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


def hook(convolution):
    convolution.register_forward_hook(lambda _module, _given, out: out + 1)


def weight_function(convolution):
    convolution.weight_function.append(lambda weight: weight * torch.arange(32.0).view(32, 1, 1, 1, 1))


def own_forward(convolution):
    forward = convolution.forward
    convolution.forward = lambda x: 2 * forward(x)


@pytest.mark.parametrize("change", [hook, weight_function, own_forward])
@torch.inference_mode()
def test_what_others_did_to_the_convolution_counts(encoder, network, change):
    given = torch.randn(1, 32, 5, 4, 4)
    plain = encoder.encode_mean(network, given)
    change(network.conv1)
    means = encoder.encode_mean(network, given)
    assert torch.equal(means, network.conv1(given)[:, :16])
    assert not torch.equal(means, plain)
