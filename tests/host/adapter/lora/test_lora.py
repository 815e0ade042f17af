"""VACE Load LoRA: base and adapter together against the host's loader on a merged model, and what it refuses."""

import pytest
import torch
from safetensors.torch import save_file

from ..test_cases import MERGED, PLAIN, adapter_tensors, built, lora_weights

pytestmark = pytest.mark.host
SAMPLER = {"seed": 3, "steps": 2, "cfg": 4.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}


BASE = "diffusion_model.blocks.0.self_attn.q"
VACE = "diffusion_model.vace_blocks.1.self_attn.k"


def pair(layer, width=128):
    """A LoRA of one layer."""
    return {f"{layer}.lora_B.weight": torch.rand(width, 4) - 0.5, f"{layer}.lora_A.weight": torch.rand(4, width) - 0.5}


FILES = {
    "both": lora_weights,
    "base": lambda: pair(BASE),
    "vace": lambda: pair(VACE),
    "foreign": lambda: pair(VACE) | pair("lora_te_text_model"),
    "modulation": lambda: {"diffusion_model.vace_blocks.0.diff_m": torch.rand(1, 6, 128)},
    "blocks": lambda: pair("diffusion_model.vace_blocks.9.self_attn.q"),
    "width": lambda: pair(BASE, 256),
    "image": lambda: pair(BASE) | pair("diffusion_model.blocks.0.cross_attn.k_img"),
    "half": lambda: {key: tensor for key, tensor in pair(VACE).items() if "lora_A" in key} | pair(BASE),
    "mixed": lambda: pair(BASE) | pair("transformer.vace_blocks.1.self_attn.k"),
    "other": lambda: pair("double_blocks.0.img_attn.qkv"),
    "model": lambda: {"vace_blocks.0.ffn.0.weight": torch.ones(2, 2)},
    "nan": lambda: {key: tensor * float("nan") for key, tensor in pair(VACE).items()},
    "empty": dict,
}


@pytest.fixture
def loras(host, tmp_path, monkeypatch):
    """The only folder of LoRAs."""
    import folder_paths

    monkeypatch.setitem(folder_paths.folder_names_and_paths, "loras", ([str(tmp_path)], {".safetensors"}))
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    for name, tensors in FILES.items():
        save_file(tensors(), tmp_path / f"{name}.safetensors")
    return tmp_path


@pytest.fixture
def sample(call, vae, prompts):
    settings = {"width": 48, "height": 32, "length": 5, "fit": "cover", "inside_mask": "empty", "soft_mask": False}
    (vcu, *_) = call("VaceBuildVcu", references={}, control_video=torch.rand(5, 32, 48, 3), **settings)
    (context,) = call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)
    positive, negative, latent, _ = call(
        "VaceApplyContext", positive=prompts[0], negative=prompts[1], context=context, strength=1.0, batch_size=1
    )
    conditioning = {"positive": positive, "negative": negative, "latent_image": latent}
    return lambda model: call("KSampler", model=model, **conditioning, **SAMPLER)[0]["samples"]


@pytest.fixture
def load(call):
    """A model by its kind."""
    adapter = call("VaceLoadAdapter", adapter_name="small_vace_adapter.safetensors")[0]

    def model(kind):
        name = MERGED if kind == "merged" else PLAIN
        loaded = call("UNETLoader", unet_name=name, weight_dtype="default")[0]
        return call("VaceApplyAdapter", model=loaded, adapter=adapter)[0] if kind == "attached" else loaded

    return model


@pytest.fixture
def with_lora(call, loras):
    """The model that the node gives; its report goes into the list behind it."""

    def run(model, name, strength=1.0, **inputs):
        patched, report = call(
            "VaceLoadLora", model=model, lora_name=f"{name}.safetensors", strength=strength, **inputs
        )
        run.report = report
        return patched

    return run


@pytest.mark.parametrize("kind", ["merged", "attached"])
@pytest.mark.parametrize("strengths", [(1.0,), (0.6, -0.3)])
def test_a_lora_is_that_of_the_hosts_loader_on_the_merged_model(call, load, with_lora, sample, strengths, kind, same):
    merged, model = load("merged"), load(kind)
    plain_result = sample(merged)
    for strength in strengths:
        name = {"lora_name": "both.safetensors", "strength_model": strength}
        (merged,) = call("LoraLoaderModelOnly", model=merged, **name)
        model = with_lora(model, "both", strength)
    expected, actual = sample(merged), sample(model)
    assert torch.equal(actual, expected)
    if kind == "attached":
        same(f"VACE Load LoRA, {len(strengths)}", expected, actual)
    assert (expected - plain_result).abs().max() > 1e-3


@pytest.mark.parametrize("kind", ["merged", "attached"])
@pytest.mark.parametrize("name", ["both", "modulation"])
def test_the_model_without_it_stays_as_it_was(load, with_lora, sample, kind, name):
    model = load(kind)
    before, once = sample(model), with_lora(model, name)
    changed = sample(once)
    assert torch.equal(sample(model), before) and not torch.equal(changed, before)
    assert not torch.equal(sample(with_lora(once, name)), changed)
    assert torch.equal(sample(once), changed)
    assert torch.equal(sample(with_lora(model, name, 0.0)), before)
    assert with_lora.report == f"strength is 0, so {name}.safetensors changes nothing."


@pytest.mark.parametrize("kind", ["merged", "attached", "plain"])
def test_a_lora_for_the_base_alone_is_that_of_the_hosts_loader(call, load, with_lora, sample, kind):
    (expected,) = call("LoraLoaderModelOnly", model=load(kind), lora_name="base.safetensors", strength_model=0.8)
    assert torch.equal(sample(with_lora(load(kind), "base", 0.8)), sample(expected))
    assert with_lora.report == (
        "base.safetensors (names: ComfyUI): 1 layers on the base, at strength 0.8. It has none for VACE blocks."
    )


def test_the_report_says_what_went_where(load, with_lora):
    with_lora(load("merged"), "both")
    assert with_lora.report == (
        "both.safetensors (names: ComfyUI): 2 layers on the base, 2 on the VACE blocks in the model, at strength 1."
    )
    with_lora(load("attached"), "foreign")
    first, second = with_lora.report.split("\n")
    assert "0 layers on the base, 1 on the VACE adapter" in first
    assert "2 tensors of foreign.safetensors are for no layer of a Wan model and were left out" in second


def test_with_two_adapters_a_lora_goes_to_one_or_to_all(call, load, with_lora, sample, same):
    """Two of the same adapter, each on the one VCU: what is put on one of them alone differs, and twice one is all."""
    model = call("VaceApplyAdapter", model=load("attached"), adapter=built(adapter_tensors()))[0]
    first, second, both = (sample(with_lora(model, "vace", adapter=number)) for number in (1, 2, 0))
    assert "1 on each of 2 VACE adapters" in with_lora.report
    assert (first - sample(model)).abs().max() > 1e-3 and (both - first).abs().max() > 1e-3
    torch.testing.assert_close(first, second, rtol=0, atol=1e-4)  # the order of a sum of two hints
    assert torch.equal(sample(with_lora(with_lora(model, "vace", adapter=1), "vace", adapter=2)), both)
    with pytest.raises(ValueError, match=r"adapter is 3, but model has 2\."):
        with_lora(model, "vace", adapter=3)


def test_a_merged_model_has_one_adapter(load, with_lora):
    with pytest.raises(ValueError, match=r"adapter is 2, but model is one file with its adapter inside\. Set adapter"):
        with_lora(load("merged"), "vace", adapter=2)


def test_a_lora_of_modulation_makes_another_model(load, with_lora):
    from wan_vace.nodes._host.models import model_identity

    model = load("merged")
    halves = with_lora(with_lora(model, "modulation", 0.5), "modulation", 0.5)
    once = with_lora(model, "modulation")
    assert len({model_identity(each) for each in (model, once, with_lora(model, "modulation", 0.5))}) == 3
    key = "diffusion_model.vace_blocks.0.modulation"
    torch.testing.assert_close(halves.get_model_object(key), once.get_model_object(key))


def test_each_adapter_lora_and_strength_makes_another_model(load, with_lora):
    from wan_vace.nodes._host.models import model_identity

    models = [load(kind) for kind in ("plain", "merged", "attached")]
    models += [with_lora(model, "vace", strength) for model in models[1:] for strength in (1.0, 0.5)]
    apart = models[0].clone()
    apart.add_object_patch("diffusion_model.apart", torch.empty(3, device="meta"))
    models.append(apart)
    found = [model_identity(model) for model in models]
    assert len(set(found)) == 8 and found == [model_identity(model) for model in models]


@pytest.mark.parametrize("kind", ["merged", "attached"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("blocks", r"changes vace_blocks\.9\.self_attn\.q, which .* does not have: it is for a model of another size"),
        ("width", r"does not fit model: its .* is for a weight of \[256, 256\], that of model is \[128, 128\]"),
        ("image", r"is for image to video: it has layers such as blocks\.0\.cross_attn\.k_img"),
        ("half", r"is incomplete: 1 of its 2 layers .*vace_blocks\.1\.self_attn\.k .*lora_A\.weight and nothing else"),
        ("mixed", r"mixes the names of two trainers: .*ComfyUI\) and .*diffusers\)"),
        ("other", r"has nothing for a Wan model: none of its 2 tensors .*double_blocks"),
        ("model", r"is no LoRA that is known here"),
        ("nan", r"is damaged: .*vace_blocks\.1\.self_attn\.k\.lora_[AB]\.weight holds values that are not finite"),
        ("empty", r"has nothing for a Wan model.*it is empty"),
        ("gone", r'lora_name is "gone\.safetensors", which is not in models/loras'),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(load, with_lora, kind, name, message):
    with pytest.raises(ValueError, match=rf"^(?:{name}\.safetensors )?{message}"):
        with_lora(load(kind), name)


@pytest.mark.parametrize("name", ["vace", "both"])
def test_a_part_for_vace_is_not_lost_on_a_model_without_it(load, with_lora, name):
    with pytest.raises(
        ValueError, match=r"layers for VACE blocks, but model has no VACE\. Put this node behind VACE Apply"
    ):
        with_lora(load("plain"), name)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("cut.safetensors", b"\xff\x00\x00\x00\x00\x00\x00\x00{"),
        ("page.safetensors", b"<html><body>Please log in</body></html>"),
        ("page.pt", b"invalid"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(call, lora_folder, tmp_path, vace_model, file, content):
    (tmp_path / file).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{file.replace('.', '[.]')} (cannot be read|is refused)"):
        call("VaceLoadLora", model=vace_model, lora_name=file, strength=1.0)
