"""What the VAE is trained on."""

from dataclasses import replace

import pytest
import torch

from wan_vace.miniature.train import vae_training
from wan_vace.miniature.train.profiles import CPU, PROFILES
from wan_vace.miniature.train.vae_training import crops, there_and_back


def test_a_clip_is_played_there_and_back_again():
    assert there_and_back(1, 3, 17).tolist() == [1, 2, 3]
    assert there_and_back(2, 9, 4).tolist() == [2, 3, 2, 1, 0, 1, 2, 3, 2]
    assert there_and_back(0, 3, 1).tolist() == [0, 0, 0]


def test_crops_are_of_any_length_and_go_on_from_frame_to_frame():
    numbers = torch.arange(5, dtype=torch.uint8).view(1, 5, 1, 1, 1).expand(2, 5, 40, 40, 3)
    for length in (1, 4, 5, 13):
        cut = crops(numbers, torch.Generator().manual_seed(length), 6, length, 32)
        assert cut.shape == (6, length, 32, 32, 3)
        steps = (cut[..., 0, 0, 0] * 255).round().diff(dim=1)
        assert (steps.abs() == 1).all() and (length > 5 or (steps == 1).all())


def test_clips_are_trained_at_every_length_that_the_transformers_see():
    for profile in PROFILES.values():
        batches = vae_training.PHASES[1].batches(profile.vae)
        lengths = {length for _, length in batches}
        assert {17, 33} <= lengths and all(length % 4 == 1 for length in lengths)
        frames = [batch * length for batch, length in batches]
        assert max(frames) - min(frames) <= 12  # steps cost as much


@pytest.mark.host
@pytest.mark.usefixtures("gradients")
def test_the_last_phase_leaves_the_latents_as_they_are(host, tmp_path, monkeypatch):
    from wan_vace.miniature.networks import models

    monkeypatch.setattr(vae_training, "HELD", 1)
    monkeypatch.setattr(vae_training, "MEASURED", 2)
    clip = torch.rand(1, 5, 32, 32, 3)
    found = []
    for last in (0, 3):
        profile = replace(CPU, vae=replace(CPU.vae, steps=(2, 2, last), clips=2))
        vae = vae_training.train_vae(tmp_path / str(last), 0, profile, lambda _: None)
        latents = models.encode_clips(vae, clip)
        found.append((latents, models.decode_clips(vae, latents)))
    (before, rough), (after, fine) = found
    assert torch.equal(before, after) and not torch.equal(rough, fine)
