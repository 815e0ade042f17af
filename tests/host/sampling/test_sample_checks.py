"""VACE Sample Context: every input it refuses, and VAEs that do not belong together."""

import pytest
import torch

from harness.host.locations import pack_module
from harness.inputs.checkpoints import DIFFUSION, TEXT_DIM

pytestmark = pytest.mark.host


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def custom(**changed):
    numbers = {"steps": 3, "cfg": 1.0, "shift": 5.0, "sampler": "euler", "scheduler": "simple"}
    return {"settings": "custom", **numbers, **changed}


def text(seed):
    return [[rand(1, 24, TEXT_DIM, seed=seed), {}]]


def guider_of(call, parts):
    return call("CFGGuider", model=parts["model"], positive=parts["positive"], negative=parts["negative"], cfg=1.0)[0]


def wide(model):
    """The model with a network of another width."""
    import comfy.ldm.wan.model
    from comfy.ops import disable_weight_init

    other = model.clone()
    network = comfy.ldm.wan.model.VaceWanModel(
        **{**DIFFUSION, "dim": 256, "num_heads": 2}, operations=disable_weight_init
    )
    other.add_object_patch("diffusion_model", network)
    return other


REFUSED = {
    "boundary above 1": ({"boundary": 1.5}, r"boundary is 1\.5; it must be a number from 0 to 1\. Change it"),
    "boundary below 0": ({"boundary": -0.1}, r"boundary is -0\.1; it must be a number from 0 to 1"),
    "denoise 0": ({"denoise": 0.0}, r"denoise is 0; it must be a number from 0\.01 to 1"),
    "denoise above 1": ({"denoise": 1.2}, r"denoise is 1\.2; it must be a number from 0\.01 to 1"),
    "nothing to denoise": ({"denoise": 0.5}, r"denoise is 0\.5 but latent is empty.*Set denoise to 1, or connect"),
    "no sigmas": ({"sigmas": torch.tensor([])}, r"sigmas holds 0 noise levels, so there is no step"),
    "one sigma": ({"sigmas": torch.tensor([1.0])}, r"sigmas holds 1 noise levels, so there is no step"),
    "sigmas and denoise": (
        {"sigmas": torch.tensor([1.0, 0.0]), "denoise": 0.5},
        r"denoise is 0\.5 but sigmas is connected.*Set denoise to 1 here, and to 0\.5 on the scheduler",
    ),
    "no model": ({"model": None}, r"model is not connected\. Connect model, positive and negative, or a guider"),
    "no prompts": ({"positive": None, "negative": None}, r"positive and negative are not connected\. Connect model"),
    "unknown settings": ({"settings": "fast"}, r"settings is fast; it must be one of official demo .*, custom\."),
    "unknown sampler": (
        {"settings": custom(sampler="best")},
        r"settings\.sampler is best; it must be one of official unipc, euler, ",
    ),
    "unknown scheduler": (
        {"settings": custom(scheduler="best")},
        r"settings\.scheduler is best; it must be one of official, simple, ",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_inputs_are_refused(parts, sample, name):
    changed, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        sample(**{**parts, **changed})


def test_a_guider_and_a_model_contradict_each_other(call, parts, sample, vace_model):
    guider, latent = guider_of(call, parts), parts["latent"]
    with pytest.raises(
        ValueError, match=r"guider is connected together with model, positive and negative\. A guider has"
    ):
        sample(**parts, guider=guider)
    with pytest.raises(
        ValueError, match=r"guider is connected together with low_noise_model\. .*: disconnect it, or low"
    ):
        sample(guider=guider, latent=latent, low_noise_model=vace_model)


def test_models_without_vace_are_refused_by_their_socket(call, parts, sample, plain_model):
    guider = guider_of(call, {**parts, "model": plain_model})
    for inputs, socket in (
        ({**parts, "model": plain_model}, "model"),
        ({**parts, "low_noise_model": plain_model}, "low_noise_model"),
        ({"guider": guider, "latent": parts["latent"]}, "guider's model"),
    ):
        with pytest.raises(ValueError, match=f"^{socket} is a plain Wan text-to-video model without VACE blocks"):
            sample(**inputs)


@pytest.mark.parametrize(
    ("kind", "settings", "found", "is_refused"),
    [
        ("WanModel", {"model_type": "i2v", "in_dim": 36}, "a plain Wan image-to-video model", r"\(36 input channels\)"),
        ("WanModel", {"in_dim": 48}, "a plain Wan text-to-video model", r"\(48 input channels\)"),
        ("CameraWanModel", {}, "a CameraWanModel", "model is a CameraWanModel; the adapter fits Wan 2.1 and 2.2"),
    ],
)
def test_other_kinds_of_wan_models_are_refused_with_vace_and_without(
    call, parts, sample, plain_model, kind, settings, found, is_refused
):
    import comfy.ldm.wan.model
    from comfy.ops import disable_weight_init

    plain = {name: value for name, value in DIFFUSION.items() if not name.startswith("vace_")}
    other, network = plain_model.clone(), getattr(comfy.ldm.wan.model, kind)
    made = network(**{**plain, **settings}, operations=disable_weight_init)
    other.add_object_patch("diffusion_model", made)
    with pytest.raises(ValueError, match=rf"^model is {found}.*it would ignore the VACE conditioning"):
        sample(**{**parts, "model": other})
    adapter = call("VaceLoadAdapter", adapter_name="small_vace_adapter.safetensors")[0]
    with pytest.raises(ValueError, match=is_refused):
        call("VaceApplyAdapter", model=other, adapter=adapter)


def test_experts_of_different_width_are_refused_with_both(parts, sample, vace_model):
    with pytest.raises(ValueError, match=r"model is 128 wide but low_noise_model is 256: they are of different sizes"):
        sample(**parts, low_noise_model=wide(vace_model))


@pytest.mark.parametrize(
    ("shape", "found"),
    [((4, 6, 6), "48 x 48 with 4"), ((3, 4, 6), "48 x 32 with 3"), ((6, 4, 6), "48 x 32 with 6")],
)
def test_a_latent_of_another_size_is_refused_with_both(parts, sample, shape, found):
    latent = {"samples": torch.zeros(1, 16, *shape)}
    message = rf"latent is {found} latent frames, but the VCU is 48 x 32 with 2 and 2 references before them.*5 frames"
    with pytest.raises(ValueError, match=message):
        sample(**{**parts, "latent": latent})
    with pytest.raises(ValueError, match=r"latent must have shape \[B, 16, t, h, w\], got \[1, 48, 4, 4, 6\]"):
        sample(**{**parts, "latent": {"samples": torch.zeros(1, 48, 4, 4, 6)}})


def test_a_noise_mask_of_another_length_is_refused(parts, sample):
    latent = {**parts["latent"], "noise_mask": torch.ones(5, 32, 48)}
    with pytest.raises(
        ValueError, match=r"noise_mask of latent has 5 frames; with 2 references it must have 2.* or 4\."
    ):
        sample(**{**parts, "latent": latent})


def test_conditioning_without_a_vcu_is_refused(call, vae, parts, sample, prompts):
    bare = {**parts, "positive": prompts[0], "negative": prompts[1]}
    with pytest.raises(
        ValueError, match=r"^positive holds no VCU\. Connect positive and negative of VACE Apply Context;"
    ):
        sample(**bare)
    with pytest.raises(ValueError, match=r"^guider holds no VCU\. .* to the guider; without a VCU use KSampler"):
        sample(guider=guider_of(call, bare), latent=parts["latent"])
    foreign = call(
        "WanVaceToVideo", positive=prompts[0], negative=prompts[1], vae=vae, width=48, height=32, length=5,
        batch_size=1, strength=1.0,
    )  # fmt: skip
    with pytest.raises(
        ValueError, match=r"^positive holds a VACE context of another node, which does not say how many"
    ):
        sample(model=parts["model"], positive=foreign[0], negative=foreign[1], latent=foreign[2])


@pytest.fixture(scope="module")
def vae_weights(host):
    import comfy.utils
    import folder_paths

    return comfy.utils.load_torch_file(folder_paths.get_full_path("vae", "small_wan_vae.safetensors"))


def test_only_the_latents_own_vae_decodes_them(call, vae_weights, parts, sample):
    from comfy.sd import VAE

    latent, video = sample(**parts)
    counts = {"fps": 0.0, "trim_latent": -1, "length": -1}
    other = {**vae_weights, "conv1.weight": vae_weights["conv1.weight"] + 0.1 * rand(32, 32, 1, 1, 1)}
    for samples in (latent, video):
        with pytest.raises(
            ValueError, match=r"vae is not the one that encoded the VCU.*Connect the VAE of VACE Encode VCU"
        ):
            call("VaceDecodeLatent", samples=samples, vae=VAE(sd=dict(other)), **counts)
    encoding = pack_module("nodes._host.conditioning.encoding")
    with pytest.raises(ValueError, match="vae is not the one that encoded the VCU"):
        encoding.require_same_latents(VAE(sd=dict(vae_weights)), torch.zeros(96, 96))  # of Wan 2.2's, for one
    elsewhere = VAE(sd=dict(other))
    elsewhere.first_stage_model.to("meta")
    assert encoding.latent_space(elsewhere) is None
    half = {name: weight.bfloat16() for name, weight in vae_weights.items()}
    retrained = {**vae_weights, "decoder.conv1.weight": 2 * vae_weights["decoder.conv1.weight"]}
    for same_latents in (half, retrained):
        frames, _ = call("VaceDecodeLatent", samples=video, vae=VAE(sd=dict(same_latents)), **counts)
        assert frames.shape == (10, 32, 48, 3)
    unknown = {name: value for name, value in latent.items() if name != "vace_vae"}
    frames, _ = call("VaceDecodeLatent", samples=unknown, vae=VAE(sd=dict(other)), **counts)
    assert frames.isfinite().all()
