"""The VAE over whole clips, as it is trained, against the host's own way, two frames at a time."""

import pytest
import torch

from wan_vace.miniature.networks import vae_pass

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("gradients")]


@pytest.fixture(scope="module")
def vae(host, gradients):
    """The miniature's VAE, random, with branches that add something."""
    from wan_vace.miniature.networks import models

    torch.manual_seed(2)
    fresh = models.new_vae()
    for weight in fresh.parameters():
        if not weight.any():
            weight.data.normal_(std=0.05)
    return fresh


@pytest.mark.parametrize("length", [1, 5, 9, 17])
def test_both_halves_equal_the_hosts(vae, length):
    pixels = torch.rand(2, 3, length, 32, 24) * 2 - 1
    with torch.no_grad():
        latents, expected = vae_pass.encode_whole(vae, pixels), vae.encode(pixels)
        assert latents.shape == (2, 16, (length - 1) // 4 + 1, 4, 3)
        torch.testing.assert_close(latents, expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(vae_pass.decode_whole(vae, latents), vae.decode(latents), rtol=1e-4, atol=1e-5)


def test_gradients_equal_the_hosts(vae):
    pixels = torch.rand(1, 3, 9, 16, 16) * 2 - 1

    def gradients(encode, decode):
        vae.requires_grad_(True).zero_grad()
        (decode(encode(pixels)) - pixels).square().mean().backward()
        return {name: weight.grad.clone() for name, weight in vae.named_parameters() if weight.grad is not None}

    expected = gradients(vae.encode, vae.decode)
    found = gradients(lambda x: vae_pass.encode_whole(vae, x), lambda x: vae_pass.decode_whole(vae, x))
    assert list(found) == list(expected)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-5, msg=name)


def test_a_frame_never_changes_what_came_before(vae):
    pixels = torch.rand(1, 3, 9, 16, 16) * 2 - 1
    changed = pixels.clone()
    changed[:, :, 5:] = 0
    with torch.no_grad():
        before, after = vae_pass.encode_whole(vae, pixels), vae_pass.encode_whole(vae, changed)
    assert torch.equal(before[:, :, :2], after[:, :, :2]) and not torch.equal(before[:, :, 2], after[:, :, 2])


def test_clips_are_encoded_alike_in_parts_and_together(vae, monkeypatch):
    from wan_vace.miniature.networks import models

    frames = torch.rand(5, 5, 16, 16, 3)
    with torch.no_grad():
        together = models.encode_raw(vae, frames)
        monkeypatch.setattr(models, "AT_ONCE", 10)
        torch.testing.assert_close(models.encode_raw(vae, frames), together)
        torch.testing.assert_close(together, vae.encode(2 * frames.movedim(-1, 1) - 1), rtol=1e-4, atol=1e-5)


def test_encoding_in_bfloat16_is_near(vae):
    from wan_vace.miniature.networks import models

    frames = torch.rand(2, 5, 32, 24, 3)
    with torch.no_grad():
        whole, half = models.encode_raw(vae, frames), models.encode_raw(vae, frames, half=True)
    assert half.dtype == whole.dtype == torch.float32 and not torch.equal(half, whole)
    assert float((half - whole).norm() / whole.norm()) < 0.02
