"""LoRA hooks where adapters are shared: by two experts, by copies for other devices, and in dynamic VRAM."""

import pytest
import torch

from .test_adapter import sample
from .test_cases import adapter_tensors, built
from .test_hooks import KEY, both_prompts, compared, lora_hook, positive, several_loras

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("lora_folder")]


def second_plain(s):
    return s.attach(s.call("UNETLoader", unet_name="small_wan_t2v.safetensors", weight_dtype="default")[0])


def test_experts_that_share_the_adapter_have_hooks_of_their_own(setting, same):
    s, models = setting, (setting.attach(), second_plain(setting))
    for name, inputs in {"high": both_prompts(s), "low": several_loras(s), "low, none": s.inputs()}.items():
        expected = sample(s.call, s.merged, inputs)
        same(f"hooks, shared adapter, {name}", expected, sample(s.call, models[name != "high"], inputs))


@pytest.mark.parametrize("case", ["none", "the same", "others"])
def test_experts_that_share_the_adapter_may_take_turns(setting, case, same):
    """The other expert samples between the steps of the first, and both come out as alone."""
    s, inputs, results = setting, both_prompts(setting), []
    inner = {"none": s.inputs(), "the same": inputs, "others": several_loras(s)}[case]
    first, second = s.attach(), second_plain(s)

    def turn(args):
        results.append(sample(s.call, second, inner, steps=2))
        return args["denoised"]

    first.set_model_sampler_post_cfg_function(turn)
    if case == "the same":  # keyframes are the prompt's; a run in between would move them on
        inputs = inner = positive()(s)
    actual = sample(s.call, first, inputs)
    expected = sample(s.call, s.merged, inner, steps=2)
    assert len(results) == 3
    assert all(torch.equal(each, expected) for each in results)
    same(f"hooks, shared adapter, turns, {case}", sample(s.call, s.merged, inputs), actual)


# Other devices and dynamic VRAM


@pytest.mark.cpu(reason="of one GPU there is one name only, and two devices do not round alike")
def test_a_copy_for_another_device_gets_the_hooks_too(setting, same):
    """Each prompt on a device of its own, where the host knows several; here they are two names of the processor."""
    s, attached = setting, setting.attach()
    (adapter,) = attached.get_additional_models_with_key(KEY)
    load, args = adapter.cached_patcher_init
    copy = load(*args)
    assert copy.model is not adapter.model
    own, other = adapter.model.state_dict(), copy.model.state_dict()
    assert own.keys() == other.keys() and all(torch.equal(own[key], other[key]) for key in own)
    if hasattr(attached, "deepclone_multigpu"):
        other = attached.deepclone_multigpu(torch.device("cpu:0"))
        other.is_multigpu_base_clone = True
        attached.set_additional_models("multigpu", [other])
    same("hooks, two devices", *compared(s, both_prompts(s), attached=attached))


@pytest.fixture
def dynamic(monkeypatch):
    """A patcher of the same model as on a GPU with dynamic VRAM; nothing is loaded there."""
    import comfy.model_patcher

    if hasattr(comfy.model_patcher, "comfy_aimdo") and hasattr(comfy.model_patcher.comfy_aimdo, "host_buffer"):
        monkeypatch.setattr(comfy.model_patcher.comfy_aimdo.host_buffer, "HostBuffer", lambda *_: None)

    def make(patcher):
        made = comfy.model_patcher.ModelPatcherDynamic(patcher.model, torch.device("cuda:0"), torch.device("cpu"))
        made.cached_patcher_init = patcher.cached_patcher_init
        assert made.is_dynamic()
        return made

    return make


def out_of_dynamic_vram(model):
    """The model, which is to be loaded to the device that the host computes on."""
    import comfy.model_management

    for each in (model, *model.get_additional_models_with_key(KEY)):
        assert not each.is_dynamic()
        each.load_device = comfy.model_management.get_torch_device()
    return model


def fresh_plain(s):
    return s.call("UNETLoader", unet_name="small_wan_t2v.safetensors", weight_dtype="default")[0]


def test_adapters_leave_dynamic_vram_with_their_base(setting, dynamic, same):
    s, adapter = setting, dynamic(setting.adapter)
    attached = s.attach(dynamic(fresh_plain(s)), adapter)
    assert attached.is_dynamic()
    assert all(each.is_dynamic() for each in attached.get_additional_models_with_key(KEY))
    models = [out_of_dynamic_vram(each.get_non_dynamic_delegate()) for each in (attached, attached.clone())]
    loaded = {each.get_additional_models_with_key(KEY)[0].model for each in models}
    assert len(loaded) == 1 and adapter.model not in loaded  # one copy, however many clones
    same("hooks, out of dynamic VRAM", *compared(s, both_prompts(s), attached=models[0]))


def test_an_adapter_leaves_dynamic_vram_for_a_base_that_is_not_in_it(setting, dynamic, same):
    s, adapter = setting, dynamic(setting.adapter)
    attached = out_of_dynamic_vram(s.attach(adapter=adapter))
    with pytest.raises(ValueError, match="has this adapter already"):
        s.attach(attached, adapter)
    same("hooks, adapter in dynamic VRAM", *compared(s, both_prompts(s), attached=attached))


def test_an_adapter_that_cannot_leave_dynamic_vram_is_refused_only_where_hooks_change_it(setting, dynamic):
    import comfy.hooks

    s, runs = setting, []
    attached = s.attach(adapter=dynamic(built(adapter_tensors())))
    attached.set_model_sampler_post_cfg_function(runs.append)
    with pytest.raises(ValueError, match=r"adapter in ComfyUI's dynamic VRAM.*Load it with VACE Load Adapter"):
        sample(s.call, attached, both_prompts(s))
    assert not runs
    target = comfy.hooks.create_target_dict(comfy.hooks.EnumWeightTarget.Model)
    hooks = lora_hook(s, "blocks")
    assert attached.register_all_hook_patches(hooks, target, {}).hooks == hooks.hooks
