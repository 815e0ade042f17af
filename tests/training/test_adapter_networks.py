"""The networks of a training: what they keep in memory, their gradients, and what an untrained adapter does."""

import importlib

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

pytestmark = pytest.mark.host


def begun(part, files, layers="spread"):
    networks = part("base")
    base = networks.describe_base(files["base"])
    chosen = networks.choose_layers(base, layers)
    return networks.new_adapter(base, chosen, torch.device("cpu")), chosen, base


def test_the_estimate_is_near_what_autograd_keeps(part, files):
    """Counted by hand: the adapter's weights exactly, what the gradient needs within a third."""
    memory = part("memory")
    model, layers, base = begun(part, files)
    adapter = [weight for name, weight in model.named_parameters() if name.startswith("vace_")]
    nn.ModuleList([model.vace_blocks, model.vace_patch_embedding]).requires_grad_(True)
    for block in model.vace_blocks:
        nn.init.normal_(block.after_proj.weight, std=0.02)
    stored, weights = {}, {weight.untyped_storage().data_ptr() for weight in model.parameters()}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            stored[storage.data_ptr()] = (tensor, storage.nbytes())
        return tensor

    shape = (1, 16, 3, 32, 32)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(
            torch.randn(shape),
            torch.full((1,), 500.0),
            torch.randn(1, 16, 64),
            vace_context=torch.randn(1, 1, 96, *shape[2:]),
            vace_strength=[1.0],
        )
    sizes = (base.config["dim"], base.config["ffn_dim"], len(model.blocks), len(layers), base.num_bytes)
    load = memory.TrainingLoad(*sizes, tokens=3 * 16 * 16, text_tokens=16, compute=4)
    rows = memory.estimate_memory(load, recompute=False)
    assert rows["adapter weights"] == pytest.approx(4 * sum(weight.numel() for weight in adapter), rel=0.02)
    needed = rows["activations"] + rows["weights as computed with"]
    assert needed == pytest.approx(sum(size for _, size in stored.values()), rel=0.33)
    assert memory.estimate_memory(load, recompute=True)["activations"] < needed / 3


def drawing(seed):
    generator = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(*shape, generator=generator)


def test_computing_blocks_twice_changes_no_gradient(part, files):
    def gradient(recompute):
        model, _, _ = begun(part, files)
        if recompute:
            part("base").recompute_blocks(model)
        model.vace_blocks.requires_grad_(True)
        draw = drawing(1)
        context, video, text = draw(1, 1, 96, 2, 4, 4), draw(1, 16, 2, 4, 4), draw(1, 16, 64)
        found = model(video, torch.full((1,), 500.0), text, vace_context=context, vace_strength=[1.0])
        (found * draw(*found.shape)).sum().backward()
        return [block.after_proj.weight.grad for block in model.vace_blocks]

    assert all(torch.equal(a, b) for a, b in zip(gradient(False), gradient(True), strict=True))


@torch.no_grad()
def test_an_adapter_that_was_not_trained_changes_nothing(part, files, host, tmp_path):
    import comfy.sd

    attach, adapter = (importlib.import_module(f"wan_vace.nodes._host.adapter.{name}") for name in ("attach", "model"))
    draw = drawing(2)
    model, layers, _ = begun(part, files)
    text, latent = draw(1, 16, 64), {"samples": torch.zeros(1, 16, 2, 8, 8)}
    context = {"vace_frames": [draw(1, 32, 2, 8, 8)], "vace_mask": [draw(1, 64, 2, 8, 8)], "vace_strength": [1.0]}
    plain = comfy.sd.load_diffusion_model(str(files["base"]))

    def sampled(sampler, **extra):
        prompts = [[[vectors, dict(extra)]] for vectors in (text, 0 * text)]
        return host.common_ksampler(sampler, 1, 2, 3.0, "euler", "simple", *prompts, latent)[0]["samples"]

    def with_adapter(name):
        path = part("base").save_adapter(model, tmp_path / name, layers)
        return sampled(attach.attach(plain, adapter.load_adapter(path)), **context)

    alone = sampled(plain)
    assert torch.equal(with_adapter("fresh.safetensors"), alone)
    model.vace_blocks[0].after_proj.weight.data.normal_(std=0.1)
    assert not torch.equal(with_adapter("changed.safetensors"), alone)


def test_captions_are_read_by_a_text_encoder(part):
    from harness.nodes.wan_vace_dev import load_clip

    texts_of, clip = part("texts"), load_clip()
    with torch.no_grad():
        texts = texts_of.encode_captions(clip, ["a small dragon made of ice", "a boy"], 32)
        whole = clip.encode_from_tokens_scheduled(clip.tokenize("a boy"))[0][0]
    assert torch.equal(texts.batch([2]), whole.half().float())
    assert [len(row) for row in texts.rows] == sorted((len(row) for row in texts.rows), key=lambda n: (n != 1, -n))
    assert len(texts.rows[1]) > len(texts.rows[2]) > len(texts.rows[0]) >= 1
    with pytest.raises(ValueError, match="gives 32 numbers for a token, the base reads 4096"):
        texts_of.encode_captions(clip, [], 4096)


def test_a_quantised_base_is_refused(part, files, tmp_path):
    weights = load_file(files["base"]) | {"blocks.0.ffn.0.scale_weight": torch.ones(1)}
    save_file(weights, tmp_path / "fp8_scaled.safetensors")
    with pytest.raises(ValueError, match=r"fp8_scaled\.safetensors is quantised"):
        part("base").describe_base(tmp_path / "fp8_scaled.safetensors")
