"""Small checkpoints, demo inputs and the workflows that use them."""

import copy

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from harness.host import locations
from harness.inputs import checkpoints, footage
from harness.workflows import small

PUBLISHED = {
    "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "wan2.1_t2v.safetensors", "weight_dtype": "fp8_e4m3fn"}},
    "2": {"class_type": "VAELoader", "inputs": {"vae_name": "wan_2.1_vae.safetensors"}},
    "3": {
        "class_type": "CLIPLoader",
        "inputs": {"clip_name": "umt5.safetensors", "type": "wan"},
        "_meta": {"title": "T"},
    },
    "4": {"class_type": "VaceBuildVcu", "inputs": {"width": 832, "height": ["9", 0], "length": 81}},
}


def models(name: str) -> dict[str, torch.Tensor]:
    return load_file(locations.base_dir() / "models" / name)


def test_small_replaces_the_loaders_and_leaves_the_original_alone():
    before = copy.deepcopy(PUBLISHED)
    result = small(PUBLISHED)
    assert before == PUBLISHED
    assert result["1"]["inputs"] == {"unet_name": "small_wan_vace.safetensors", "weight_dtype": "default"}
    assert result["2"]["inputs"]["vae_name"] == "small_wan_vae.safetensors"
    assert result["3"] == {"class_type": "DevLoadSmallTextEncoder", "inputs": {}, "_meta": {"title": "T"}}


def test_small_reduces_numbers_and_leaves_links():
    inputs = small(PUBLISHED, width=64, height=64, length=5, steps=2)["4"]["inputs"]
    assert (inputs["width"], inputs["height"], inputs["length"]) == (64, ["9", 0], 5)


def test_small_takes_the_plain_model_beside_an_adapter():
    loader = {"class_type": "VaceLoadAdapter", "inputs": {"adapter": "wan2.1_vace_module.safetensors"}}
    result = small(PUBLISHED | {"5": loader})
    assert result["1"]["inputs"]["unet_name"] == "small_wan_t2v.safetensors"
    assert result["5"]["inputs"]["adapter"] == "small_vace_adapter.safetensors"


def test_base_and_adapter_add_up_to_the_merged_checkpoint():
    merged = models("diffusion_models/small_wan_vace.safetensors")
    parts = models("diffusion_models/small_wan_t2v.safetensors") | models("vace/small_vace_adapter.safetensors")
    assert merged.keys() == parts.keys()
    assert all(torch.equal(merged[key], parts[key]) for key in merged)
    assert all(tensor.isfinite().all() and tensor.any() for tensor in merged.values())


def test_the_tokenizer_is_the_same_each_time():
    stored = models("text_encoders/small_umt5.safetensors")["spiece_model"]
    torch.testing.assert_close(checkpoints.tokenizer(), stored, rtol=0, atol=0)


def test_the_mask_follows_in_every_frame():
    mask = footage.dog_mask(33, 350, 350)
    assert mask.shape == (33, 350, 350)
    assert (mask[1:] != mask[:-1]).any(axis=(1, 2)).all()
    assert 0.05 < (mask > 127).mean() < 0.1


def test_demo_inputs_keep_every_frame_and_pixel():
    clip, mask = (
        Image.open(locations.base_dir() / "input" / name) for name in ("boy_and_dog.webp", "boy_and_dog_mask.webp")
    )
    assert clip.n_frames == mask.n_frames == footage.FRAMES
    clip.seek(20)
    original = footage.load(footage.BOY_AND_DOG, 21)[20]
    np.testing.assert_array_equal(np.asarray(clip.convert("RGB")), original)


def test_a_clip_with_two_equal_frames_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"c\.webp would lose a frame"):
        footage.save_clip(np.zeros((2, 8, 8, 3), np.uint8), tmp_path / "c.webp")


def test_missing_footage_names_its_package():
    with pytest.raises(FileNotFoundError, match="comfyui-workflow-templates-media-video"):
        footage.load("no_such_clip.webp", 1)
