"""What speeds up or spreads a run, with control alive: VACE blocks and attention are counted, results compared."""

import pytest
import torch

from .test_adapter import sample
from .test_survival import node

pytestmark = pytest.mark.host

CACHE = {"reuse_threshold": 3.0, "start_percent": 0.1, "end_percent": 0.95, "verbose": False}
WINDOWS = {
    "context_length": 5, "context_overlap": 1, "context_schedule": "standard_static", "context_stride": 1,
    "closed_loop": False, "fuse_method": "pyramid", "freenoise": False,
}  # fmt: skip
COMPANIONS = {
    "EasyCache": node("EasyCache", **CACHE),
    "LazyCache": node("LazyCache", **CACHE),
    "context windows": node("WanContextWindowsManual", **WINDOWS),
}


def counted(s, model, adapter, inputs):
    """The result, and how often the first block of the base and of the adapter ran."""
    counts = {"base": 0, "adapter": 0}

    def count(name):
        def hook(*_):
            counts[name] += 1

        return hook

    network = model.get_model_object("diffusion_model")
    blocks = {"base": network.blocks[0], "adapter": (adapter or network).vace_blocks[0]}
    hooks = [block.register_forward_hook(count(name)) for name, block in blocks.items()]
    try:
        return sample(s.call, model, inputs, steps=8), counts
    finally:
        for each in hooks:
            each.remove()


@pytest.mark.parametrize("companion", COMPANIONS)
def test_vace_blocks_run_as_often_as_the_base_and_as_in_the_merged_model(setting, companion, same):
    s, put = setting, COMPANIONS[companion]
    inputs = s.inputs(references=1)
    blocks = s.adapter.model.diffusion_model
    attached = s.attach()
    expected, merged = counted(s, put(s, s.merged), None, inputs)
    result, ours = counted(s, put(s, attached), blocks, inputs)
    _, alone = counted(s, attached, blocks, inputs)
    assert ours == merged and ours["adapter"] == ours["base"] > 0
    assert ours["base"] > alone["base"] if "windows" in companion else ours["base"] < alone["base"]
    same(f"counted with {companion}", expected, result)


def test_an_attention_override_gets_the_attention_of_vace_blocks_too(setting, same):
    """As packs for SageAttention set it: a function in the transformer options, which is handed the host's own."""
    s, calls = setting, []

    def overridden(model):
        clone = model.clone()

        def override(attention, *args, **kwargs):
            calls.append(args[0].shape)
            return attention(*args, **kwargs)

        clone.model_options["transformer_options"]["optimized_attention_override"] = override
        return clone

    def run(model):
        calls.clear()
        return sample(s.call, overridden(model), inputs, steps=1), len(calls)

    inputs = s.inputs()
    (plain, of_base), (expected, of_merged), (result, ours) = map(run, (s.plain, s.merged, s.attach()))
    assert ours == of_merged == of_base * 3 // 2  # two VACE blocks beside four of the base, each with both attentions
    assert not torch.equal(plain, result)
    same("counted attention override", expected, result)
