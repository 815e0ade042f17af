"""The attached adapter against a second, independent implementation: diffusers' WanVACETransformer3DModel.

Both get the same small weights, under their own names, and the same inputs; the outputs of one model call are compared.
Diffusers computes in float32 on the CPU, and the host is told to compute in float32 as well.
"""

import pytest
import torch

from harness.host import locations
from harness.host.precision import unet_flag

pytestmark = pytest.mark.host
vace = pytest.importorskip("diffusers.models.transformers.transformer_wan_vace")

# Official names to diffusers', as its conversion script maps them.
RENAMED = [
    ("text_embedding.0", "condition_embedder.text_embedder.linear_1"),
    ("text_embedding.2", "condition_embedder.text_embedder.linear_2"),
    ("time_embedding.0", "condition_embedder.time_embedder.linear_1"),
    ("time_embedding.2", "condition_embedder.time_embedder.linear_2"),
    ("time_projection.1", "condition_embedder.time_proj"),
    ("head.modulation", "scale_shift_table"),
    ("head.head", "proj_out"),
    ("modulation", "scale_shift_table"),
    ("self_attn.o", "attn1.to_out.0"),
    ("cross_attn.o", "attn2.to_out.0"),
    ("self_attn.norm", "attn1.norm"),
    ("cross_attn.norm", "attn2.norm"),
    ("self_attn.", "attn1.to_"),
    ("cross_attn.", "attn2.to_"),
    ("ffn.0", "ffn.net.0.proj"),
    ("ffn.2", "ffn.net.2"),
    ("norm3", "norm2"),
    ("before_proj", "proj_in"),
    ("after_proj", "proj_out"),
]
LAYERS = [0, 2]
SIGMA = 1.0


def renamed(key):
    for official, theirs in RENAMED:
        key = key.replace(official, theirs)
    return key


@pytest.fixture(scope="module")
def reference(host):
    """Diffusers' model with the weights of our small merged checkpoint."""
    from safetensors.torch import load_file

    weights = load_file(locations.base_dir() / "models" / "diffusion_models" / "small_wan_vace.safetensors")
    model = vace.WanVACETransformer3DModel(
        num_attention_heads=1, text_dim=32, ffn_dim=256, num_layers=4, vace_layers=LAYERS
    )
    model.load_state_dict({renamed(key): tensor.float() for key, tensor in weights.items()})
    return model.eval()


@pytest.fixture(scope="module")
def attached(call):
    """The plain model with the adapter on it, in float32."""
    with unet_flag("fp32_unet"):
        plain = call("UNETLoader", unet_name="small_wan_t2v.safetensors", weight_dtype="default")[0]
        adapter = call("VaceLoadAdapter", adapter_name="small_vace_adapter.safetensors")[0]
    return call("VaceApplyAdapter", model=plain, adapter=adapter)[0]


def inputs(contexts, references=0):
    generator = torch.Generator().manual_seed(3)
    length = 3 + references
    x = torch.randn(1, 16, length, 4, 6, generator=generator)
    text = torch.randn(1, 20, 32, generator=generator)
    packed = torch.randn(contexts, 96, length, 4, 6, generator=generator)
    if references:
        packed[:, 16:, :references] = 0  # an empty reactive half and mask 0
    return x, text, packed


def ours(model, x, text, contexts, strengths):
    """The velocity that the attached model predicts, through the host's own wrappers."""
    import comfy.model_management

    comfy.model_management.load_models_gpu([model, *model.get_nested_additional_models()])
    model.pre_run()
    options = {**model.model_options["transformer_options"], "wrappers": model.wrappers}
    device = model.load_device
    options["sigmas"] = torch.tensor([SIGMA], device=device)
    denoised = model.model.apply_model(
        x.to(device), options["sigmas"], c_crossattn=text.to(device), transformer_options=options,
        vace_context=contexts[None].to(device), vace_strength=strengths,
    )  # fmt: skip
    model.cleanup()
    return (x - denoised.cpu()) / SIGMA


def theirs(model, x, text, context, scales):
    return model(
        hidden_states=x, timestep=torch.tensor([SIGMA * 1000]), encoder_hidden_states=text,
        control_hidden_states=context[None], control_hidden_states_scale=torch.tensor(scales),
    ).sample  # fmt: skip


def relative(a, b):
    return ((a - b).norm() / b.norm()).item()


@pytest.mark.parametrize("references", [0, 2])
def test_one_context_with_and_without_references(attached, reference, references, note):
    x, text, contexts = inputs(1, references)
    with torch.inference_mode():
        expected = theirs(reference, x, text, contexts[0], [0.7, 0.7])
        difference = relative(ours(attached, x, text, contexts, [0.7]), expected)
    note(f"diffusers, {references} references", difference)
    assert difference < 1e-5


def test_a_scale_for_each_layer(call, attached, reference, note):
    x, text, contexts = inputs(1)
    inputs_of_field = {"steps": "1", "frames": "1", "blocks": "0.9, 0.3", "references": 1.0}
    layered = call("VaceSetStrength", model=attached, **inputs_of_field)[0]
    with torch.inference_mode():
        expected = theirs(reference, x, text, contexts[0], [0.9, 0.3])
        difference = relative(ours(layered, x, text, contexts, [1.0]), expected)
        note("diffusers, a scale for each layer", difference)
        assert difference < 1e-5
        assert relative(ours(attached, x, text, contexts, [1.0]), expected) > 1e-3


def test_two_contexts(attached, reference, note):
    x, text, contexts = inputs(2)
    with torch.inference_mode():
        hints = second_hints(reference, x, text, contexts[1])

        def adding(index):
            return lambda _module, _args, out: out + 0.4 * hints[index]

        hooks = [reference.blocks[layer].register_forward_hook(adding(i)) for i, layer in enumerate(LAYERS)]
        try:
            expected = theirs(reference, x, text, contexts[0], [0.8, 0.8])
        finally:
            for hook in hooks:
                hook.remove()
        difference = relative(ours(attached, x, text, contexts, [0.8, 0.4]), expected)
    note("diffusers, two VCUs", difference)
    assert difference < 1e-5


def second_hints(model, x, text, context):
    """Hints of one more context, from diffusers' own blocks."""
    tokens = model.patch_embedding(x).flatten(2).transpose(1, 2)
    control = model.vace_patch_embedding(context[None]).flatten(2).transpose(1, 2)
    _, time, text, _ = model.condition_embedder(torch.tensor([SIGMA * 1000]), text, None)
    rotary = model.rope(x)
    hints = []
    for block in model.vace_blocks:
        hint, control = block(tokens, text, control, time.unflatten(1, (6, -1)), rotary)
        hints.append(hint)
    return hints
