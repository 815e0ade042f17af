"""LoRAs of every naming scheme and form, merged and attached, against weights that were changed by hand, in float32."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from harness.host import locations
from harness.host.precision import unet_flag

from .test_adapter import conditioned, encode, sample
from .test_cases import MERGED, PLAIN

pytestmark = pytest.mark.host
RANK, ALPHA, STRENGTH = 4, 2.0, 0.7
DORA_TOLERANCE = 1e-4  # of results up to 16: its quotient is rounded in another order
PRODUCT_TOLERANCE = 1e-4  # of the same results: three factors multiplied in another order
# Layers of the base and of VACE blocks, and how many values they take and give.
LAYERS = {
    "blocks.0.self_attn.q": (128, 128),
    "blocks.3.ffn.0": (256, 128),
    "vace_blocks.0.after_proj": (128, 128),
    "vace_blocks.1.cross_attn.o": (128, 128),
    "vace_blocks.1.ffn.2": (128, 256),
}
FLAT = [layer.replace(".", "_") for layer in LAYERS]
DIFFUSERS = [
    "blocks.0.attn1.to_q",
    "blocks.3.ffn.net.0.proj",
    "vace_blocks.0.proj_out",
    "vace_blocks.1.attn2.to_out.0",
    "vace_blocks.1.ffn.net.2",
]
DOTS = [
    "blocks_0.self_attn.q",
    "blocks_3.ffn.0",
    "vace_blocks_0.after_proj",
    "vace_blocks_1.cross_attn.o",
    "vace_blocks_1.ffn.2",
]
PEFT, KOHYA = ("lora_B.weight", "lora_A.weight"), ("lora_up.weight", "lora_down.weight")
DEFAULT = ("lora_B.default.weight", "lora_A.default.weight")
# By scheme: what is before each layer, its spelling, and the ends of the names of up and down.
SCHEMES = {
    "ComfyUI, up and down": ("diffusion_model.", LAYERS, KOHYA),
    "ComfyUI, A and B (diffusion-pipe)": ("diffusion_model.", LAYERS, PEFT),
    "ComfyUI, diffusers' layers (ai-toolkit)": ("diffusion_model.", DIFFUSERS, PEFT),
    "bare (DiffHDR, Ditto, DiffSynth)": ("", LAYERS, DEFAULT),
    "bare, diffusers' layers": ("", DIFFUSERS, PEFT),
    "pipe.dit and pipe.vace (DiffSynth)": ("pipe.", LAYERS, DEFAULT),
    "transformer, diffusers' layers": ("transformer.", DIFFUSERS, PEFT),
    "transformer, official layers": ("transformer.", LAYERS, PEFT),
    "base_model.model (PEFT)": ("base_model.model.", LAYERS, PEFT),
    "kohya (musubi-tuner)": ("lora_unet_", FLAT, KOHYA),
    "kohya with dots": ("lora_unet_", DOTS, KOHYA),
    "VideoX-Fun": ("lora_unet__", FLAT, KOHYA),
    "LyCORIS": ("lycoris_", FLAT, KOHYA),
    "LyCORIS, diffusers' layers": ("lycoris_", [path.replace(".", "_") for path in DIFFUSERS], KOHYA),
    "OneTrainer": ("lora_transformer_", [path.replace(".", "_") for path in DIFFUSERS], KOHYA),
}


def draw(*shape):
    return 0.2 * (torch.rand(*shape) - 0.5)


def up_and_down(rows, columns):
    return draw(rows, RANK), draw(RANK, columns)


def lora(rows, columns):
    up, down = up_and_down(rows, columns)
    return {"lora_up.weight": up, "lora_down.weight": down}, lambda w: w + STRENGTH * (up @ down)


def lora_with_alpha(rows, columns):
    up, down = up_and_down(rows, columns)
    parts = {"lora_up.weight": up, "lora_down.weight": down, "alpha": torch.tensor(ALPHA)}
    return parts, lambda w: w + STRENGTH * ALPHA / RANK * (up @ down)


def loha(rows, columns):
    (a, b), (c, d) = up_and_down(rows, columns), up_and_down(rows, columns)
    parts = {"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": c, "hada_w2_b": d, "alpha": torch.tensor(ALPHA)}
    return parts, lambda w: w + STRENGTH * ALPHA / RANK * ((a @ b) * (c @ d))


def lokr(rows, columns):
    one, two = draw(8, 4), draw(rows // 8, columns // 4)
    parts = {"lokr_w1": one, "lokr_w2": two, "alpha": torch.tensor(9999.0)}  # means nothing without a product
    return parts, lambda w: w + STRENGTH * torch.kron(one, two)


def lokr_of_products(rows, columns):
    one, (a, b) = draw(8, 4), up_and_down(rows // 8, columns // 4)
    parts = {"lokr_w1": one, "lokr_w2_a": a, "lokr_w2_b": b, "alpha": torch.tensor(ALPHA)}
    return parts, lambda w: w + STRENGTH * ALPHA / RANK * torch.kron(one, a @ b)


def dora(rows, columns, scale=None):
    """The host's arithmetic: the changed weight, each row as long as its scale says against the unchanged one."""
    parts, _ = lora(rows, columns)
    scale = 1 + draw(rows) if scale is None else scale
    parts["dora_scale"] = scale[:, None]

    def by_hand(w):
        changed = w + parts["lora_up.weight"] @ parts["lora_down.weight"]
        return w + STRENGTH * (changed * (scale[:, None] / w.norm(dim=1, keepdim=True)) - w)

    return parts, by_hand


def full(rows, columns):
    change = draw(rows, columns)
    return {"diff": change}, lambda w: w + STRENGTH * change


def glora(rows, columns):
    """W + W a1 a2 + b1 b2; LyCORIS, modules/glora.py, GLoRAModule.make_weight."""
    (a1, a2), (b1, b2) = up_and_down(columns, columns), up_and_down(rows, columns)
    parts = {"a1.weight": a1, "a2.weight": a2, "b1.weight": b1, "b2.weight": b2, "alpha": torch.tensor(ALPHA)}
    return parts, lambda w: w + STRENGTH * ALPHA / RANK * (w @ (a1 @ a2) + b1 @ b2)


def glora_of_early_lycoris(rows, columns):
    """W + W a2 a1 + b2 b1; the same function at LyCORIS's commit 1d3a9a2."""
    (a2, a1), (b2, b1) = up_and_down(columns, columns), up_and_down(rows, columns)
    parts = {"a1.weight": a1, "a2.weight": a2, "b1.weight": b1, "b2.weight": b2}
    return parts, lambda w: w + STRENGTH * (w @ (a2 @ a1) + b2 @ b1)


FORMS = {
    each.__name__: each
    for each in (lora, lora_with_alpha, loha, lokr, lokr_of_products, dora, full, glora, glora_of_early_lycoris)
}  # by name, as pytest shows it
# How far results may be off where the host multiplies in another order.
TOLERANCES = {"dora": DORA_TOLERANCE, "glora": PRODUCT_TOLERANCE, "glora_of_early_lycoris": PRODUCT_TOLERANCE}

# Both patch embeddings, and how many channels they take; both give 128.
EMBEDDINGS = {"patch_embedding": 16, "vace_patch_embedding": 96}
KERNEL, POINT = (1, 2, 2), (1, 1, 1)


def tucker(core, rows, columns):
    """W[o, i, ...], the sum of core[p, q, ...] rows[p, o] columns[q, i]; LyCORIS, functional/general.py."""
    return torch.einsum("pqabc,po,qi->oiabc", core, rows, columns)


def locon(rows, channels):
    up, down = draw(rows, RANK, *POINT), draw(RANK, channels, *KERNEL)
    parts = {"lora_up.weight": up, "lora_down.weight": down, "alpha": torch.tensor(ALPHA)}
    return parts, lambda w: w + STRENGTH * ALPHA / RANK * torch.einsum("opxyz,piabc->oiabc", up, down)


def locon_of_tucker(rows, channels):
    up, core, down = draw(rows, RANK, *POINT), draw(RANK, RANK, *KERNEL), draw(RANK, channels, *POINT)
    parts = {"lora_up.weight": up, "lora_mid.weight": core, "lora_down.weight": down, "alpha": torch.tensor(ALPHA)}
    return parts, lambda w: w + STRENGTH * ALPHA / RANK * tucker(core, up.flatten(1).T, down.flatten(1))


def loha_of_tucker(rows, channels):
    (a, b, t), (c, d, u) = ((draw(RANK, rows), draw(RANK, channels), 20 * draw(RANK, RANK, *KERNEL)) for _ in range(2))
    parts = {"hada_w1_a": a, "hada_w1_b": b, "hada_t1": t, "hada_w2_a": c, "hada_w2_b": d, "hada_t2": u}
    parts["alpha"] = torch.tensor(ALPHA)
    return parts, lambda w: w + STRENGTH * ALPHA / RANK * (tucker(t, a, b) * tucker(u, c, d))


def kron(one, two):
    """LyCORIS, functional/lokr.py, make_kron: the first factor has no kernel."""
    return torch.kron(one[..., None, None, None], two.contiguous())


def lokr_with_a_kernel(rows, channels):
    one, two = draw(8, 4), draw(rows // 8, channels // 4, *KERNEL)
    return {"lokr_w1": one, "lokr_w2": two}, lambda w: w + STRENGTH * kron(one, two)


def lokr_of_tucker(rows, channels):
    one, core = draw(8, 4), 10 * draw(RANK, RANK, *KERNEL)
    a, b = draw(RANK, rows // 8), draw(RANK, channels // 4)
    parts = {"lokr_w1": one, "lokr_w2_a": a, "lokr_w2_b": b, "lokr_t2": core, "alpha": torch.tensor(ALPHA)}
    return parts, lambda w: w + STRENGTH * ALPHA / RANK * kron(one, tucker(core, a, b))


def glora_of_a_kernel(rows, channels):
    a1, a2 = draw(channels, RANK, *POINT), draw(RANK, channels, *POINT)
    b1, b2 = draw(rows, RANK, *POINT), draw(RANK, channels, *KERNEL)
    parts = {"a1.weight": a1, "a2.weight": a2, "b1.weight": b1, "b2.weight": b2, "alpha": torch.tensor(ALPHA)}

    def by_hand(w):
        turned = torch.einsum("oiabc,ij->ojabc", w, a1.flatten(1) @ a2.flatten(1))
        return w + STRENGTH * ALPHA / RANK * (turned + torch.einsum("opxyz,piabc->oiabc", b1, b2))

    return parts, by_hand


def glora_of_tucker(rows, channels):
    parts, _ = glora_of_a_kernel(rows, channels)
    core, parts["b2.weight"] = draw(RANK, RANK, *KERNEL), draw(RANK, channels, *POINT)
    parts["bm.weight"] = core
    a1, a2, b1, b2 = (parts[f"{part}.weight"].flatten(1) for part in ("a1", "a2", "b1", "b2"))

    def by_hand(w):
        turned = torch.einsum("oiabc,ij->ojabc", w, a1 @ a2)
        return w + STRENGTH * ALPHA / RANK * (turned + tucker(core, b1.T, b2))

    return parts, by_hand


CONVOLUTIONS = {
    each.__name__: each
    for each in (
        *(locon, locon_of_tucker, loha_of_tucker, lokr_with_a_kernel, lokr_of_tucker),
        *(glora_of_a_kernel, glora_of_tucker),
    )
}


@pytest.fixture
def folder(host, tmp_path, monkeypatch):
    """The only folder of LoRAs."""
    import folder_paths

    monkeypatch.setitem(folder_paths.folder_names_and_paths, "loras", ([str(tmp_path)], {".safetensors"}))
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    return tmp_path


@pytest.fixture
def by_hand(folder):
    """A merged model whose checkpoint has been changed, by the name of each changed tensor."""
    import comfy.sd

    def load(changes):
        source = locations.base_dir() / "models" / "diffusion_models" / MERGED
        with safe_open(source, "pt") as file:
            metadata = file.metadata()
        weights = load_file(source)
        for name, change in changes.items():
            weights[name] = change(weights[name])
        save_file(weights, folder / "by_hand.safetensors", metadata)
        with unet_flag("fp32_unet"):
            return comfy.sd.load_diffusion_model(str(folder / "by_hand.safetensors"))

    return load


@pytest.fixture
def inputs(call, vae, prompts):
    return conditioned(call, prompts, [(encode(call, vae), 0.8)])


def targets(call):
    """A merged model, and one with an adapter."""
    with unet_flag("fp32_unet"):
        merged, plain = (call("UNETLoader", unet_name=name, weight_dtype="default")[0] for name in (MERGED, PLAIN))
        adapter = call("VaceLoadAdapter", adapter_name="small_vace_adapter.safetensors")[0]
    return merged, call("VaceApplyAdapter", model=plain, adapter=adapter)[0]


@pytest.fixture
def check(call, folder, by_hand, inputs, monkeypatch):
    """Both models with a file of these tensors give what the checkpoint with these changes gives."""
    import comfy.model_management

    # Elsewhere than on the CPU the host patches weights in fp16, which is noted here for each device.
    device = comfy.model_management.get_torch_device()
    monkeypatch.setitem(comfy.model_management.LORA_COMPUTE_DTYPES, device, torch.float32)
    exact = 0 if device.type == "cpu" else DORA_TOLERANCE  # what is done by hand is done on the CPU

    def compare(tensors, changes, tolerance=0):
        save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, folder / "x.safetensors")
        expected = sample(call, by_hand(changes), inputs)
        for model in targets(call):
            assert (sample(call, model, inputs) - expected).abs().max() > 1e-3
            patched, report = call("VaceLoadLora", model=model, lora_name="x.safetensors", strength=STRENGTH)
            torch.testing.assert_close(sample(call, patched, inputs), expected, rtol=0, atol=tolerance or exact)
        return report

    return compare


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_scheme_is_the_weights_added_by_hand(check, scheme):
    prefix, paths, ends = SCHEMES[scheme]
    tensors, changes = {}, {}
    for path, (layer, size) in zip(paths, LAYERS.items(), strict=True):
        parts, changes[f"{layer}.weight"] = (lora_with_alpha if ends == KOHYA else lora)(*size)
        root = {"pipe.": "vace." if "vace" in layer else "dit."}.get(prefix, "")
        spelled = dict(zip(KOHYA, ends, strict=True))
        tensors |= {f"{prefix}{root}{path}.{spelled.get(end, end)}": tensor for end, tensor in parts.items()}
    report = check(tensors, changes)
    assert "2 layers on the base, 3 on the VACE adapter, at strength 0.7." in report


def in_turn(forms, spellings):
    """Every form in one of the spellings, which `SCHEMES` and the core's tests go through one by one."""
    return [(form, *spellings[index % len(spellings)]) for index, form in enumerate(forms)]


@pytest.mark.parametrize(
    ("form", "prefix", "paths"),
    in_turn(FORMS, [("diffusion_model.", LAYERS), ("lora_unet_", FLAT), ("lycoris_", FLAT)]),
)
def test_a_form_is_the_weights_added_by_hand(check, form, prefix, paths):
    tensors, changes = {}, {}
    for path, (layer, size) in zip(paths, LAYERS.items(), strict=True):
        parts, changes[f"{layer}.weight"] = FORMS[form](*size)
        tensors |= {f"{prefix}{path}.{end}": tensor for end, tensor in parts.items()}
    check(tensors, changes, TOLERANCES.get(form, 0))


@pytest.mark.parametrize(
    ("form", "prefix"),
    in_turn(CONVOLUTIONS, [("diffusion_model.",), ("transformer.",), ("lora_unet_",), ("lycoris_",)]),
)
def test_a_form_with_a_kernel_is_the_weights_added_by_hand(check, form, prefix):
    """On both patch embeddings, which alone of Wan's layers are convolutions."""
    tensors, changes = {}, {}
    for layer, channels in EMBEDDINGS.items():
        parts, changes[f"{layer}.weight"] = CONVOLUTIONS[form](128, channels)
        tensors |= {f"{prefix}{layer}.{end}": tensor for end, tensor in parts.items()}
    report = check(tensors, changes, PRODUCT_TOLERANCE)
    assert "1 layers on the base, 1 on the VACE adapter, at strength 0.7." in report


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("blocks", [(4, 8, 8), (3, 4, 8, 8)], ids=["OFT", "BOFT"])
def test_the_host_leaves_oft_out_of_what_it_computes_in_16_bits(host, blocks, dtype):
    """Why it is refused: offloaded layers are changed in the model's own precision (the host's LowVramPatch)."""
    import comfy.lora

    parts, weight = {"x.oft_blocks": draw(*blocks), "x.alpha": torch.tensor(0.0)}, draw(32, 32)
    patch = comfy.lora.load_lora(parts, {"x": "x.weight"})["x.weight"]
    whole, half = (
        comfy.lora.calculate_weight([(1.0, patch, 1.0, None, None)], w.clone(), "x", intermediate_dtype=w.dtype)
        for w in (weight, weight.to(dtype))
    )
    assert (whole - weight).abs().max() > 1e-2 and torch.equal(half, weight.to(dtype))


def test_the_host_takes_the_strength_of_oft_twice(host):
    import comfy.lora

    patch = comfy.lora.load_lora({"x.oft_blocks": draw(4, 8, 8)}, {"x": "x.weight"})["x.weight"]
    weight = draw(32, 32)
    half, whole = (
        comfy.lora.calculate_weight([(strength, patch, 1.0, None, None)], weight.clone(), "x") - weight
        for strength in (0.5, 1.0)
    )
    torch.testing.assert_close(half, whole / 4)


def test_oft_is_refused_by_name(call, folder):
    save_file({"lycoris_blocks_0_self_attn_q.oft_blocks": draw(16, 8, 8)}, folder / "x.safetensors")
    for model in targets(call):
        with pytest.raises(ValueError, match=r"^x\.safetensors is an OFT or BOFT, .* takes their strength twice"):
            call("VaceLoadLora", model=model, lora_name="x.safetensors", strength=1.0)


def test_peft_dora_has_a_scale_for_each_row(check):
    tensors, changes = {}, {}
    for layer, size in LAYERS.items():
        scale = 1 + draw(size[0])
        parts, changes[f"{layer}.weight"] = dora(*size, scale)
        names = ("lora_B.weight", "lora_A.weight")
        tensors |= {f"base_model.model.{layer}.{n}": parts[k] for n, k in zip(names, KOHYA, strict=True)}
        tensors[f"base_model.model.{layer}.lora_magnitude_vector"] = scale
    check(tensors, changes, DORA_TOLERANCE)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1), (1, -1, *POINT), (-1, 1, *POINT)], ids=str)
def test_dora_of_a_convolution_has_a_scale_for_each_row(check, shape):
    """PEFT writes ``[1, rows, 1, 1, 1]``, LyCORIS ``[rows, 1, 1, 1, 1]``."""
    tensors, changes = {}, {}
    for layer, channels in EMBEDDINGS.items():
        up, down, scale = draw(128, RANK, *POINT), draw(RANK, channels, *KERNEL), 1 + draw(128)

        def by_hand(w, up=up, down=down, scale=scale):
            changed = w + torch.einsum("opxyz,piabc->oiabc", up, down)
            length = w.flatten(1).norm(dim=1)
            return w + STRENGTH * (torch.einsum("oiabc,o->oiabc", changed, scale / length) - w)

        changes[f"{layer}.weight"] = by_hand
        ends = ("lora_B.weight", "lora_A.weight", "lora_magnitude_vector.weight")
        parts = (up, down, scale.reshape(shape))
        tensors |= {f"base_model.model.{layer}.{e}": part for e, part in zip(ends, parts, strict=True)}
    check(tensors, changes, DORA_TOLERANCE)


@pytest.mark.parametrize("shape", [(1, -1), (1, -1, *POINT)], ids=str)
def test_dora_of_a_convolution_has_a_scale_for_each_channel(check, shape):
    """LyCORIS without ``wd_on_output``; here the host takes the lengths of the changed weight."""
    tensors, changes = {}, {}
    for layer, channels in EMBEDDINGS.items():
        up, down, scale = draw(128, RANK, *POINT), draw(RANK, channels, *KERNEL), 3 + draw(channels)

        def by_hand(w, up=up, down=down, scale=scale):
            changed = w + torch.einsum("opxyz,piabc->oiabc", up, down)
            length = changed.transpose(0, 1).flatten(1).norm(dim=1)
            return w + STRENGTH * (torch.einsum("oiabc,i->oiabc", changed, scale / length) - w)

        changes[f"{layer}.weight"] = by_hand
        parts = {"lora_up.weight": up, "lora_down.weight": down, "dora_scale": scale.reshape(shape)}
        tensors |= {f"lycoris_{layer}.{end}": part for end, part in parts.items()}
    check(tensors, changes, DORA_TOLERANCE)


def test_dora_with_a_scale_for_each_place_of_the_kernel_is_refused(call, folder):
    """The host would leave such a layer out and say so in its log alone."""
    up, down, scale = draw(128, RANK, *POINT), draw(RANK, 96, *KERNEL), draw(1, 96 * 4)
    parts = {"lora_up.weight": up, "lora_down.weight": down, "dora_scale": scale}
    save_file({f"lycoris_vace_patch_embedding.{end}": part for end, part in parts.items()}, folder / "x.safetensors")
    for model in targets(call):
        with pytest.raises(ValueError, match=r"^x\.safetensors cannot be used: the DoRA scale of .* is \[1, 384\]"):
            call("VaceLoadLora", model=model, lora_name="x.safetensors", strength=1.0)


def test_differences_of_biases_norms_modulation_and_the_embedding(check):
    shapes = {
        "vace_blocks.0.ffn.0.diff_b": (256,),
        "blocks.1.cross_attn.q.lora_B.bias": (128,),
        "vace_blocks.1.norm3.diff": (128,),
        "vace_blocks.1.norm3.diff_b": (128,),
        "blocks.0.self_attn.norm_q.diff": (128,),
        "vace_blocks.0.diff_m": (1, 6, 128),
        "head.diff_m": (1, 2, 128),
        "vace_patch_embedding.diff": (128, 96, 1, 2, 2),
    }
    names = {
        ".diff_b": ".bias",
        ".lora_B.bias": ".bias",
        ".diff_m": ".modulation",
        ".diff": ".weight",
    }
    tensors, changes = {}, {}
    for key, shape in shapes.items():
        end = next(end for end in names if key.endswith(end))
        tensors[f"transformer.{key}"] = draw(*shape)
        name = key.removesuffix(end) + names[end]
        changes[name] = lambda w, d=tensors[f"transformer.{key}"]: w + STRENGTH * d
    check(tensors, changes)
